"""How readily a course's lessons raise flags: one choice for everybody, the rest for who asks."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from classroom.models import Course
from emotions import rules

TIMES = {
    "away_after_s": (gettext_lazy("Away after"), 30, 1800),
    "low_for_s": (gettext_lazy("Expression reads low for"), 30, 900),
    "turned_for_s": (gettext_lazy("Looking away for"), 60, 900),
    "cool_down_s": (gettext_lazy("Quiet after a dismissal for"), 60, 3600),
}
"""Each time's name, and its least and most seconds."""


class FlagSettingsForm(forms.ModelForm):
    class Meta:
        model = Course
        fields = ("sensitivity", "ask_first", *TIMES)
        labels = {
            "sensitivity": gettext_lazy("Flags"),
            "ask_first": gettext_lazy("Ask the student first, and wait 30 seconds"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["sensitivity"].error_messages["invalid_choice"] = _(
            "Choose fewer, usual or more flags."
        )
        usual = rules.usual(self.instance.sensitivity)
        for name, (label, least, most) in TIMES.items():
            self.fields[name] = forms.IntegerField(
                label=_("%(name)s, seconds") % {"name": label},
                required=False,
                min_value=least,
                max_value=most,
                help_text=_("Empty means %(usual)d, as usual. From %(least)d to %(most)d.")
                % {"usual": getattr(usual, name), "least": least, "most": most},
                error_messages={
                    "invalid": _("Write whole seconds, or leave it empty."),
                    "min_value": _("At least %(least)d seconds.") % {"least": least},
                    "max_value": _("At most %(most)d seconds.") % {"most": most},
                },
            )

    @property
    def times(self) -> list[forms.BoundField]:
        return [self[name] for name in TIMES]
