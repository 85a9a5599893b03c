import pytest
from django.core import mail
from django.core.cache import cache
from django.db import transaction
from django.test import Client, TestCase, TransactionTestCase
from stall.models import Sale

pytestmark = pytest.mark.django_db


def test_rows():
    Sale.objects.create(name="bread")
    assert Sale.objects.count() == 1


def test_rows_are_gone():
    assert Sale.objects.count() == 0


def test_client(client):
    assert client.get("/").content == b"0 sold"


def test_fails_with_a_row(client):
    Sale.objects.create(name="bread")
    assert client.get("/").content == b"0 sold"


def test_admin(admin_user):
    assert admin_user.is_superuser


def test_queries(django_assert_num_queries):
    with django_assert_num_queries(1):
        list(Sale.objects.filter(price__gt=1))


def test_mail(mailoutbox):
    mail.send_mail("bill", "3", "a@example.com", ["b@example.com"])
    assert len(mailoutbox) == 1


def test_settings(settings):
    settings.USE_TZ = False


def test_cache():
    cache.set("bread", 3)
    assert cache.get("bread") == 3
    cache.clear()


@pytest.mark.django_db(transaction=True)
def test_transaction():
    with transaction.atomic():
        Sale.objects.create(name="bread")


def test_leak_of_requests(client):
    client.get("/watched/")


class TestStall(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.sale = Sale.objects.create(name="milk")

    def test_found(self):
        self.assertEqual(Sale.objects.get(), self.sale)

    def test_changed(self):
        self.sale.price = 4
        self.sale.save()


class TestTransactions(TransactionTestCase):
    def test_found(self):
        Sale.objects.create(name="milk")
        self.assertContains(Client().get("/"), "1 sold")
