"""An attacker as www-data and an administrator, both at random: nothing of another user changes hands, nothing that was
stopped starts, nothing is half done, no visitor of a busy pool pays for an act, and the record verifies.

GATEMEND_CAMPAIGN_SECONDS=3600 for an hour (ten minutes in CI); GATEMEND_CAMPAIGN_SEED for another order.
"""

from __future__ import annotations

import os
import pathlib

from campaign import Campaign
from scenario import Scenario

SECONDS = float(os.environ.get("GATEMEND_CAMPAIGN_SECONDS", "90"))
SEED = int(os.environ.get("GATEMEND_CAMPAIGN_SEED", "1127"))


class RandomCampaign(Scenario):
    is_same_everywhere = True
    takes = SECONDS + 60
    # Budgets are another promise.
    tuned = {"soak": "1s", "cooldown": "0s", "max": 100, "per": "5m"}
    settings = '[limits.unit]\nmax = 100\nper = "5m"\n[limits.host]\nmax = 100\nper = "5m"\n'

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        Campaign.furnish(self.site, root)

    def prepare(self) -> None:
        self.campaign = Campaign(self.machine, self.site, SEED)
        self.campaign.prepare()

    def test_no_harm_is_done(self) -> None:
        self.campaign.run(SECONDS)
        print(self.campaign.story())
        self.assertEqual(self.campaign.problems, [], self.campaign.story())
