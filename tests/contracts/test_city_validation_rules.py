"""Errors in routing rules are located by file, line, rule and field."""

from pathlib import Path

import pytest

from tests.contracts.invalid_packs import InvalidPackCase, add_rule, diagnostic_for, replace_text

INVALID_PACKS = {
    "a rule whose list of classes is empty": InvalidPackCase(
        add_rule('id = "none"\nclasses = []\nlead = "lamps"'),
        "routing.toml:12: none: classes: is empty: the rule can never apply",
    ),
    "a rule whose hours are empty": InvalidPackCase(
        add_rule('id = "none"\nclasses = ["E04*"]\nwhen = { hours = [] }\nlead = "lamps"'),
        "routing.toml:12: none: when.hours: is empty: the rule can never apply",
    ),
    "a rule for no class at all": InvalidPackCase(
        add_rule('id = "none"\nclasses = ["E09*"]\nlead = "lamps"'),
        "routing.toml:12: none: classes: 'E09*' matches no class of the catalogue",
    ),
    "a rule that an earlier one shadows": InvalidPackCase(
        add_rule('id = "late"\nclasses = ["E0110"]\nchannels = ["photo"]\nlead = "lamps"'),
        "routing.toml:12: late: id: never applies: earlier rules cover all of it: rubbish",
    ),
    "a rule that two earlier ones shadow together": InvalidPackCase(
        add_rule('id = "late"\nclasses = ["C0137", "E0110"]\nlead = "streets"'),
        "routing.toml:12: late: id: never applies: earlier rules cover all of it: lamps, rubbish",
    ),
    "a rule behind one for all cases": InvalidPackCase(
        replace_text("routing.toml", 'id = "lamps"\nclasses = ["C0137"]', 'id = "lamps"'),
        "routing.toml:6: rubbish: id: never applies: earlier rules cover all of it: lamps",
    ),
    "a rule for a part of an earlier one's hours": InvalidPackCase(
        add_rule(
            'id = "evening"\nclasses = ["E0401"]\nwhen = { hours = ["18:00-24:00"] }\nlead = "lamps"\n\n[[rules]]\n'
            'id = "late-evening"\nclasses = ["E0401"]\nwhen = { hours = ["22:00-23:00"] }\nlead = "streets"'
        ),
        "routing.toml:18: late-evening: id: never applies: earlier rules cover all of it: evening",
    ),
    "a rule whose week two earlier ones cover together": InvalidPackCase(
        add_rule(
            'id = "week"\nclasses = ["E04*"]\nlead = "lamps"\n'
            'when = { weekdays = ["mon", "tue", "wed", "thu", "fri"] }\n\n'
            '[[rules]]\nid = "weekend"\nclasses = ["E04*"]\nwhen = { weekdays = ["sat", "sun"] }\nlead = "lamps"\n\n'
            '[[rules]]\nid = "never"\nclasses = ["E0401"]\nwhen = { hours = ["08:00-10:00"] }\nlead = "streets"'
        ),
        "routing.toml:24: never: id: never applies: earlier rules cover all of it: week, weekend",
    ),
    "a rule for a street of an earlier one's district": InvalidPackCase(
        add_rule(
            'id = "west"\nclasses = ["E0401"]\nplaces = ["990101"]\nlead = "lamps"\n\n[[rules]]\n'
            'id = "west-street"\nclasses = ["E0401"]\nplaces = ["990101001"]\nlead = "streets"'
        ),
        "routing.toml:18: west-street: id: never applies: earlier rules cover all of it: west",
    ),
    "a rule that names an unknown department": InvalidPackCase(
        replace_text("routing.toml", 'lead = "lamps"', 'lead = "lanterns"'),
        "routing.toml:1: lamps: lead: there is no department 'lanterns'",
    ),
    "a rule with an unknown helper": InvalidPackCase(
        replace_text("routing.toml", 'helpers = ["streets"]', 'helpers = ["sweepers"]'),
        "routing.toml:1: lamps: helpers: there is no department 'sweepers'",
    ),
    "a rule for a kind of department that some district lacks": InvalidPackCase(
        replace_text("routing.toml", 'lead = "streets"', 'lead = "district:cleaning"'),
        "routing.toml:7: rubbish: lead: district 990101 has no departments of the kind 'cleaning', and must have one",
    ),
    "a rule for an unknown place": InvalidPackCase(
        add_rule('id = "far"\nclasses = ["E0401"]\nplaces = ["990103"]\nlead = "lamps"'),
        "routing.toml:12: far: places: there is no district, street or community '990103'",
    ),
    "a rule for an unknown area": InvalidPackCase(
        add_rule('id = "park"\nclasses = ["E0401"]\nareas = ["park"]\nlead = "lamps"'),
        "routing.toml:12: park: areas: geography/areas.geojson draws no area 'park'",
    ),
    "a rule for an unknown owner": InvalidPackCase(
        add_rule('id = "owned"\nclasses = ["E0401"]\nowners = ["nobody"]\nlead = "lamps"'),
        "routing.toml:12: owned: owners: there is no department 'nobody'",
    ),
    "a rule for an unknown source": InvalidPackCase(
        add_rule('id = "fax"\nclasses = ["E0401"]\nsources = ["fax"]\nlead = "lamps"'),
        "routing.toml:12: fax: sources: there is no source 'fax'",
    ),
    "a rule for a channel without a source": InvalidPackCase(
        add_rule('id = "sensed"\nclasses = ["E0401"]\nchannels = ["sensor"]\nlead = "lamps"'),
        "routing.toml:12: sensed: sources: matches no source of the city: the rule can never apply",
    ),
    "a rule for an unknown channel": InvalidPackCase(
        add_rule('id = "fax"\nclasses = ["E0401"]\nchannels = ["fax"]\nlead = "lamps"'),
        "routing.toml:12: fax: channels.0: Input should be 'hotline'",
    ),
    "a rule for unknown grid cells": InvalidPackCase(
        add_rule('id = "cell"\nclasses = ["E0401"]\ngrids = ["88"]\nlead = "lamps"'),
        "routing.toml:12: cell: grids: no grid cell's code begins with '88'",
    ),
    "a rule for a condition without a row": InvalidPackCase(
        add_rule('id = "worse"\nclasses = ["E0401"]\nconditions = ["9"]\nlead = "lamps"'),
        "routing.toml:12: worse: conditions: no row of these classes has the condition '9'",
    ),
    "a rule for a day that does not exist": InvalidPackCase(
        add_rule('id = "leap"\nclasses = ["E0401"]\nwhen = { dates = ["02-28..02-30"] }\nlead = "lamps"'),
        "routing.toml:12: leap: when.dates: '02-28..02-30' names a day that does not exist",
    ),
    "a rule for dates in the wrong order": InvalidPackCase(
        add_rule('id = "back"\nclasses = ["E0401"]\nwhen = { dates = ["2026-02-02..2026-02-01"] }\nlead = "lamps"'),
        "routing.toml:12: back: when.dates: '2026-02-02..2026-02-01' ends before it begins",
    ),
    "a misspelt condition": InvalidPackCase(
        add_rule('id = "typo"\nclases = ["E0401"]\nlead = "lamps"'),
        "routing.toml:12: typo: clases: unknown field",
    ),
    "a rule without a department": InvalidPackCase(
        add_rule('id = "nobody"\nclasses = ["E0401"]'), "routing.toml:12: nobody: lead: is missing"
    ),
    "a rule's id given twice": InvalidPackCase(
        add_rule('id = "lamps"\nclasses = ["E0401"]\nlead = "lamps"'),
        "routing.toml:12: lamps: id: duplicate 'lamps'",
    ),
    "a table of rules misspelt": InvalidPackCase(
        replace_text("routing.toml", '[[rules]]\nid = "rubbish"', '[[rule]]\nid = "rubbish"'),
        "routing.toml: rule: unknown key; rules are written [[rules]]",
    ),
    "TOML that cannot be read": InvalidPackCase(
        replace_text("routing.toml", 'lead = "streets"', "lead = streets"), "routing.toml: Invalid value (at line 10"
    ),
}


@pytest.mark.parametrize("planted", INVALID_PACKS.values(), ids=INVALID_PACKS.keys())
def test_invalid_pack_is_diagnosed(tmp_path: Path, planted: InvalidPackCase) -> None:
    assert diagnostic_for(planted, tmp_path).startswith(planted.expected)
