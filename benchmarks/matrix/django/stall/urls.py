from django.shortcuts import render
from django.urls import path

from stall.models import Sale

VISITORS = []


def index(request):
    return render(request, "stall.html", {"count": Sale.objects.count()})


def watched(request):
    VISITORS.append(request)
    return index(request)


urlpatterns = [path("", index), path("watched/", watched)]
