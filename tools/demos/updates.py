"""An update of sealcall on a managed computer: what the authority approved beforehand keeps its secrets, nothing else does."""
import json

from evidence import approve_golden_boot, bob_ready, call_of
from machines import GOOD_BOOT
from managed import Managed
from phones import badge, expect

CARD = "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Bob\r\nIMPP:sip:bob@example.com\r\nEND:VCARD\r\n"


def approve(lab, erin):
    """The authority signs the state of these programs before they start anywhere, and what others may think of it."""
    lab.sealcall("reference", "approve", "--store", lab.path("references"), "--predict-programs", erin.place / "approved", "--approvals",
                 erin.place / "approvals", "--authority", lab.path("authority"))
    lab.sealcall("bundle", "install", lab.path("authority", "bundle.bin"), profile="bob")


def contacts(lab):
    return json.loads(lab.sealcall("--json", "contacts", "list", profile="erin").stdout)


def call(lab):
    bob = bob_ready(lab)
    _, card = call_of(lab, "erin", bob)
    bob.stop()
    return badge(card)


def scene_update(lab):
    approve_golden_boot(lab)
    erin = Managed(lab, "erin", approve=approve)
    lab.path("bob.vcf").write_text(CARD)
    lab.sealcall("contacts", "import", lab.path("bob.vcf"), profile="erin")
    kept, before = contacts(lab), call(lab)

    erin.keep_programs()
    erin.change_program()
    unapproved = erin.restart(*GOOD_BOOT)
    expect(unapproved == "not_set_up", f"an update that nobody approved: {unapproved}")
    refused = lab.sealcall("contacts", "list", profile="erin", check=False)
    expect(refused.returncode and refused.stderr, "the vault opened for programs that nobody approved")
    refused = refused.stderr.strip().splitlines()[0]

    approve(lab, erin)
    expect(erin.restart(*GOOD_BOOT) == "ready", "the approved update has no keys")
    expect(contacts(lab) == kept, "the contacts are not those of before the update")
    lab.sealcall("init", "--renew-identity", profile="erin")
    lab.sealcall("enroll", "--renew", "--authority", lab.path("authority"), profile="erin")
    after = call(lab)
    expect(after == before, f"bob saw {before} before the update, and {after} after it")

    erin.put_back()
    back = erin.restart(*GOOD_BOOT)
    erin.end()
    expect(back == "not_set_up", f"the programs from before the update: {back}")
    return ({"before": before, "after": after, "contacts": kept, "unapproved": unapproved, "put_back": back, "refused": refused},
            [f"erin's computer is managed, her vault has a contact; bob saw {before}",
             f"its programs change, and nobody approved that: keys {unapproved}; \"{refused}\"",
             f"the authority approves the same change: keys ready, the contact is there, bob saw {after}: a new key on the device that he knows",
             f"the programs of before are put back, once approved as they were: keys {back}"])


SCENES = [("Update kept", scene_update)]
