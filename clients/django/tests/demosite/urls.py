from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from . import views
from .api import api

urlpatterns = [
    path("api/profile", views.profile),
    path("plain", views.plain),
    path("guarded", views.guarded),
    path("plain-async", views.plain_async),
    path("guarded-async", views.guarded_async),
    path("ninja/", api.urls),
    path("schema", SpectacularAPIView.as_view()),
    path("accounts/", include("allauth.urls")),
    path("_allauth/", include("allauth.headless.urls")),
]
