"""What the lock is made of."""

import lock


def test_the_report_of_pip_becomes_sorted_versions_by_normalised_name():
    report = {
        "install": [
            {"metadata": {"name": "prometheus_client", "version": "0.26.0"}},
            {"metadata": {"name": "Flask", "version": "3.1.3"}},
        ]
    }

    assert list(lock.versions(report).items()) == [
        ("flask", "3.1.3"),
        ("prometheus-client", "0.26.0"),
    ]


def test_our_own_packages_are_not_locked():
    required = lock.foreign_requirements()

    assert "connexion[flask]>=3.3" in required  # of an extra
    assert "cronsim>=2.6" in required  # of a package
    assert [text for text in required if text.startswith("toolforge")] == []
