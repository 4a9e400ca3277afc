from tipjar import Bill, split_by_weight, split_evenly, total


def test_an_even_bill_is_shared_evenly():
    assert split_by_weight(900, {"ann": 1, "bob": 2}) == {"ann": 300, "bob": 600}


def test_the_tip_is_part_of_the_total():
    bill = Bill(tip_percent=10)
    bill.add("soup", 450, 2)
    assert total(bill) == 990


def test_the_first_pays_the_odd_cent():
    assert split_evenly(1000, ["ann", "bob", "cid"]) == {"ann": 334, "bob": 333, "cid": 333}
