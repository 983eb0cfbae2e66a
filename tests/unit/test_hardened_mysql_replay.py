"""What a replica had received is cut out of its relay log: whole transactions, settings kept, nothing twice."""

from __future__ import annotations

import subprocess
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "manifests" / "hardened" / "mysql"

HEAD = """/*!50530 SET @@SESSION.PSEUDO_SLAVE_MODE=1*/;
DELIMITER /*!*/;
# at 4
#261123  2:12:42 server id 102  end_log_pos 256 CRC32 0x458bb6f2 \tStart: binlog v 4, server v 10.11
BINLOG '
FORMAT
'/*!*/;
#261123  2:10:44 server id 1700  end_log_pos 299 CRC32 0xa4af67ba \tGtid list [0-1700-14]
"""
SETTINGS = """/*!100101 SET @@session.skip_parallel_replication=0*//*!*/;
/*M!100001 SET @@session.server_id=1700*//*!*/;
"""


def transaction(server: int, sequence: int, settings: str = "") -> str:
    return f"""#261123  2:15:47 server id {server}  end_log_pos 385 CRC32 0x1 \tGTID 0-{server}-{sequence} trans
{settings}/*M!100001 SET @@session.gtid_seq_no={sequence}*//*!*/;
START TRANSACTION
/*!*/;
#Q> INSERT INTO t VALUES ('GTID 0-9999-1')
BINLOG '
ROW{sequence}
'/*!*/;
COMMIT/*!*/;
"""


def bash(script: str, *arguments: str, stdin: str = "") -> str:
    done = subprocess.run(
        ["bash", "-uc", f". {SCRIPTS}/lib.sh; . {SCRIPTS}/replay.sh; {script}", "test", *arguments],
        env={"HOSTNAME": "mysql-1", "PATH": "/usr/bin:/bin"},
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


def groups_after(position: str, log: str) -> str:
    return bash('groups_after "$1"', position, stdin=log)


def test_only_what_lies_after_the_position_is_kept() -> None:
    log = HEAD + "".join(transaction(1700, number) for number in (15, 16, 17))
    kept = groups_after("0-1700-16", log)
    assert "ROW17" in kept
    assert "ROW15" not in kept
    assert "ROW16" not in kept
    assert "FORMAT" in kept


def test_settings_made_in_a_transaction_that_is_left_out_still_hold() -> None:
    log = HEAD + transaction(1700, 15, SETTINGS) + transaction(1700, 16)
    assert SETTINGS in groups_after("0-1700-15", log)


def test_the_number_of_a_transaction_that_is_left_out_is_not_set() -> None:
    kept = groups_after("0-1700-15", HEAD + transaction(1700, 15) + transaction(1700, 16))
    assert "gtid_seq_no=15" not in kept
    assert "gtid_seq_no=16" in kept


def test_a_later_volume_of_the_primary_is_after_whatever_its_number_is() -> None:
    kept = groups_after("0-1700-90", HEAD + transaction(1700, 90) + transaction(1800, 41))
    assert "ROW90" not in kept
    assert "ROW41" in kept


def test_numbers_too_large_for_32_bits_are_compared_as_numbers() -> None:
    kept = groups_after("0-1700-9999999999", HEAD + transaction(1700, 9999999999) + transaction(1700, 10000000000))
    assert "ROW9999999999" not in kept
    assert "ROW10000000000" in kept


def test_positions_are_ordered_by_volume_and_then_by_number() -> None:
    positions = ["0-1700-9", "0-1800-2", "0-1700-10", "0-102-999"]
    assert bash("furthest", stdin="\n".join(positions) + "\n") == "0-1800-2\n"
    assert bash("furthest", stdin="0-1700-9\n0-1700-10\n") == "0-1700-10\n"
