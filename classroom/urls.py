"""Every address of the site, put together from the three apps' own lists.

Logging in is the classroom's own page, the rest of the accounts are Django's views. Those that
would send mail are left out, because nothing here sends any: whoever forgot a password asks for
`manage.py set_password_link`.
"""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import include, path

from classroom.views.accounts import admin_login

accounts = [
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("password_change/", auth.PasswordChangeView.as_view(), name="password_change"),
    path(
        "password_change/done/", auth.PasswordChangeDoneView.as_view(), name="password_change_done"
    ),
    path(
        "reset/<uidb64>/<token>/",
        auth.PasswordResetConfirmView.as_view(),
        name="password_reset_confirm",
    ),
    path("reset/done/", auth.PasswordResetCompleteView.as_view(), name="password_reset_complete"),
]

urlpatterns = [
    path("", include("classroom.addresses")),
    path("", include("emotions.addresses")),
    path("", include("dashboard.addresses")),
    path("accounts/", include(accounts)),
    path("admin/login/", admin_login, name="admin-login"),
    path("admin/", admin.site.urls),
]
