// <input type="file" data-most="9" data-most-kb="11264">: too many or too much is said before it is sent, so that nothing typed is lost.
document.addEventListener("change", (event) => {
  const { mostKb, most } = event.target.dataset;
  if (!mostKb) return;
  const files = [...event.target.files];
  const kb = files.reduce((sum, file) => sum + file.size / 1024, 0);
  const words = files.length > Number(most) ? `最多选 ${most} 张照片，请去掉几张` : kb > Number(mostKb) ? `照片一共超过 ${Math.floor(mostKb / 1024)} MB，请去掉几张` : "";
  event.target.setCustomValidity(words);
  event.target.reportValidity();
});
