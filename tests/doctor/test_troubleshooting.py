"""`docs/troubleshooting.md` has the lines that doctor prints, and no others."""

import re

from local.emulator import ROOT
from operate.doctor.explanations import CODES
from tests.doctor.faults import FAULTS
from tests.doctor.logins import LOGINS
from tests.doctor.verdicts import TOKENS

DOCUMENT = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
_ROW = re.compile(r"^\| [^|]+ \| `([a-z]+[. ][^|]+)` \| [^|]+ \|$", re.MULTILINE)


def test_every_line_in_it_is_produced_by_a_fault_and_every_fault_has_its_line() -> None:
    written = set(_ROW.findall(DOCUMENT))
    produced = {each.line for table in (FAULTS, TOKENS, LOGINS) for each in table.values()}
    assert written == produced


def test_every_code_of_powersync_has_a_section_with_the_lines_that_come_with_it() -> None:
    sections = re.split(r"^##+ ", DOCUMENT, flags=re.MULTILINE)
    by_code = {section[:11]: section for section in sections if section.startswith("PSYNC_")}
    assert by_code.keys() == CODES.keys()
    for table in (FAULTS, TOKENS, LOGINS):
        for each in table.values():
            if each.code is not None:
                assert f"`{each.line}`" in by_code[each.code], each.line
