"""What a development machine needs around the service: embedded servers, the supervisor of `gongjian run`, set-up."""
