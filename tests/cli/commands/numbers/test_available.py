"""`telephony numbers available`: the numbers for sale."""

from __future__ import annotations


def test_available_prints_an_array_of_lines(telephony):
    lines = telephony.json("numbers", "available", "-p", "vox", "--sort", "monthly_fee", "--descending")
    fees = [int(line["monthly_fee"]["amount"]) for line in lines]
    assert fees == sorted(fees, reverse=True)
    assert len(fees) > 3


def test_available_for_people_is_a_table(telephony):
    result = telephony("numbers", "available", "-p", "vox", "--line-type", "mobile")
    assert [line.split() for line in result.stdout.splitlines()][1][:4] == ["+821077770004", "mobile", "11000", "KRW"]


def test_available_where_nothing_is_sold_is_refused(telephony):
    assert telephony.error("numbers", "available", "-p", "diga")["kind"] == "UnsupportedOperation"
