"""Jobs as people and as machines read them."""

import json

import pytest

from toolforge_jobs_cli import render
from toolforge_jobs_cli.client import Image, Job, LogEntry, Status

URL = "https://demo.toolforge.org"
ONE_OFF = Job(
    name="hello",
    job_type="one-off",
    cmd="./hello.py",
    imagename="python3.11",
    retry=0,
    filelog=True,
    filelog_stdout="/data/project/demo/hello.out",
    filelog_stderr="/data/project/demo/hello.err",
    memory="0.5Gi",
    cpu="0.1",
    status=Status("succeeded", "5s"),
)
SCHEDULED = ONE_OFF._replace(
    name="tidy",
    job_type="scheduled",
    schedule="@daily",
    schedule_actual="5 4 * * *",
    retry=2,
    timeout=30,
    filelog=False,
    filelog_stdout=None,
    filelog_stderr=None,
    memory="1.0Gi",
    image_state="deprecated",
    status=Status(
        "pending",
        None,
        True,
        ("waiting for its time",),
        "2026-01-01T04:05:00Z",
        "2026-01-02T04:05:00Z",
    ),
)
CONTINUOUS = ONE_OFF._replace(
    name="web",
    job_type="continuous",
    retry=None,
    replicas=2,
    port=8000,
    port_protocol="tcp",
    publish="/",
    health_check={"type": "http", "path": "/healthz"},
    cpu="1.0",
    status=Status("running", "1h3m"),
)
WEBSERVICE = CONTINUOUS._replace(
    name="webservice",
    job_type="webservice",
    publish=None,
    port_protocol=None,
    health_check={"type": "script", "script": "./ok"},
    filelog=None,
    filelog_stdout=None,
    filelog_stderr=None,
    mount="none",
)


def test_the_listing():
    assert render.jobs_table([ONE_OFF, SCHEDULED, CONTINUOUS]) == (
        "+-----------+-------------------+------------------+\n"
        "| Job name: |     Job type:     |     Status:      |\n"
        "+-----------+-------------------+------------------+\n"
        "|   hello   |      one-off      | Succeeded for 5s |\n"
        "|   tidy    | scheduled: @daily |     Pending      |\n"
        "|    web    |    continuous     | Running for 1h3m |\n"
        "+-----------+-------------------+------------------+"
    )


def test_one_job_is_a_grid_without_a_header_and_hints_are_wrapped():
    lines = render.job_table(SCHEDULED, URL).splitlines()

    assert lines[:3] == [
        "+---------------+-------------------------------------------------------------+",
        "| Job name:     | tidy                                                        |",
        "+---------------+-------------------------------------------------------------+",
    ]
    assert lines[-4:] == [
        "+---------------+-------------------------------------------------------------+",
        "| Hints:        | waiting for its time. Previous: 2026-01-01T04:05:00Z. Next: |",
        "|               | 2026-01-02T04:05:00Z                                        |",
        "+---------------+-------------------------------------------------------------+",
    ]
    assert len(lines) == 2 * 18 + 2


def cells(job: Job) -> dict[str, str]:
    """Return the cells of the table that shows one job, by their label."""
    lines = render.job_table(job, URL).splitlines()
    rows = [line.split("|")[1:3] for line in lines if line.startswith("| ")]
    return {label.strip(): value.strip() for label, value in rows}


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        (
            ONE_OFF,
            {
                "Job type:": "one-off",
                "Image:": "python3.11",
                "File log:": "yes",
                "Output log:": "/data/project/demo/hello.out",
                "Error log:": "/data/project/demo/hello.err",
                "Resources:": "default",
                "Retry:": "no",
                "Timeout:": "N/A",
                "Hints:": "N/A",
            },
        ),
        (
            SCHEDULED,
            {
                "Command:": "./hello.py",
                "Job type:": "scheduled: @daily",
                "Image:": "python3.11 (deprecated)",
                "Port:": "N/A",
                "Public:": "N/A",
                "File log:": "no",
                "Output log:": "N/A",
                "Error log:": "N/A",
                "Emails:": "none",
                "Resources:": "mem: 1.0Gi, cpu: default",
                "Replicas:": "N/A",
                "Mounts:": "all",
                "Retry:": "yes: 2 time(s)",
                "Timeout:": "yes: 30s",
                "Health check:": "N/A",
                "Status:": "Pending",
            },
        ),
        (SCHEDULED._replace(retry=None, timeout=None), {"Retry:": "no", "Timeout:": "no"}),
        (
            CONTINUOUS,
            {
                "Job type:": "continuous",
                "Port:": "8000/tcp",
                "Public:": "https://demo.toolforge.org/",
                "Resources:": "mem: default, cpu: 1.0",
                "Replicas:": "2",
                "Retry:": "N/A",
                "Health check:": "http: /healthz",
            },
        ),
        (
            CONTINUOUS._replace(port=None, publish=None, health_check=None, replicas=0),
            {"Port:": "none", "Public:": "N/A", "Health check:": "none", "Replicas:": "0"},
        ),
        (CONTINUOUS._replace(publish=""), {"Public:": "N/A"}),
        (
            WEBSERVICE,
            {
                "Job type:": "webservice",
                "Port:": "8000",
                "Public:": "https://demo.toolforge.org/",
                "File log:": "N/A",
                "Output log:": "N/A",
                "Mounts:": "none",
                "Health check:": "script: ./ok",
            },
        ),
        (
            ONE_OFF._replace(status=Status("failed", messages=("exitcode 3", "restarted (2)"))),
            {"Status:": "Failed", "Hints:": "exitcode 3. restarted (2)"},
        ),
    ],
)
def test_cells_say_what_the_type_has(job, expected):
    found = cells(job)

    assert {label: found[label] for label in expected} == expected


def test_the_long_listing_has_the_columns_of_the_single_job_but_for_its_hints():
    header = render.jobs_long_table([ONE_OFF], URL).splitlines()[1]

    labels = [label.strip() for label in header.strip("|").split("|")]
    assert [*labels, "Hints:"] == list(cells(ONE_OFF))


def test_images():
    assert render.images_table([Image("python3.11", "registry/python311:latest")]) == (
        "+------------+---------------------------+\n"
        "| Short name |           image           |\n"
        "+------------+---------------------------+\n"
        "| python3.11 | registry/python311:latest |\n"
        "+------------+---------------------------+"
    )


def test_lines_of_a_log():
    entry = LogEntry("2026-01-01T00:00:00Z", "hello-abc", "job", "hällo")

    assert render.log_line(entry) == "2026-01-01T00:00:00Z [hello-abc] [job] hällo"
    assert render.as_json_line(entry) == (
        '{"datetime": "2026-01-01T00:00:00Z", "pod": "hello-abc", '
        '"container": "job", "message": "hällo"}'
    )


def test_machines_get_the_names_of_the_api():
    [job] = json.loads(render.as_json([SCHEDULED]))

    assert job["cmd"] == "./hello.py"
    assert job["status"] == {
        "short": "pending",
        "duration": None,
        "up_to_date": True,
        "messages": ["waiting for its time"],
        "previous_schedule": "2026-01-01T04:05:00Z",
        "next_schedule": "2026-01-02T04:05:00Z",
    }
    assert list(job) == list(Job._fields)
    assert render.as_json([]) == "[]"
