"""The desks of the residents' loop (menu group 诉求), in the order of its way."""

from __future__ import annotations

from collections.abc import Sequence

from server.console.desk import Desk
from server.console.views import (
    callbacks,
    care_plans,
    content_checks,
    dispatch,
    feedbacks,
    funnels,
    handling,
    intakes,
    media,
    mediations,
    ratings,
    requests,
    review_slips,
    reviews,
    stations,
    triage,
    wishes,
)

DESKS: Sequence[Desk] = (
    requests.desk,
    intakes.desk,
    triage.desk,
    dispatch.desk,
    handling.desk,
    media.desk,
    content_checks.desk,
    callbacks.desk,
    wishes.desk,
    feedbacks.desk,
    reviews.desk,
    review_slips.desk,
    ratings.desk,
    care_plans.desk,
    mediations.desk,
    stations.desk,
    funnels.desk,
)
