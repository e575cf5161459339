"""Makes the one file that XSOAR takes by hand: the yml with the code and the description in it.

    python3 unify.py > integration-FeedIndicatorFeedServer.yml

`demisto-sdk` does the same and more; this needs nothing but Python.
"""

import pathlib
import re

folder = pathlib.Path(__file__).resolve().parent
name = "FeedIndicatorFeedServer"
# XSOAR puts these before the code by itself.
given = re.compile(r"^(import demistomock|from CommonServerPython|from CommonServerUserPython)\b.*\n", re.MULTILINE)


def block(text, indent):
    return "".join((" " * indent + line if line else "") + "\n" for line in text.strip("\n").split("\n"))


def unified():
    yml = (folder / (name + ".yml")).read_text(encoding="utf-8")
    code = given.sub("", (folder / (name + ".py")).read_text(encoding="utf-8"))
    description = (folder / (name + "_description.md")).read_text(encoding="utf-8")
    place = "  script: '-'\n"
    if yml.count(place) != 1:
        raise SystemExit("the yml has no place for the code, or several")
    yml = yml.replace(place, "  script: |\n" + block(code, 4))
    return yml + "detaileddescription: |\n" + block(description, 2)


print(unified(), end="")
