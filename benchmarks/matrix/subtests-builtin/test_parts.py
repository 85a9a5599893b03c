import shop


def test_parts(subtests):
    for number in range(3):
        with subtests.test("part", number=number):
            print("part", number)
            assert number != 1


def test_good_parts(subtests):
    for number in range(3):
        with subtests.test(number=number):
            shop.offer(number)


def test_leak_in_a_part(subtests):
    for number in range(2):
        with subtests.test(number=number):
            shop.sell(number)
