"""What the doctor says of object stores: good ones, and such as forbid, overwrite or are not there."""

from __future__ import annotations

import json
import threading

import pytest
from click.testing import CliRunner
from snailmail import ObjectStore, StoreBehavior
from tests.objects.scripted import Answer, scripted
from tests.objects.servers import S3Server, free_port

from heredity.cli import main as cli
from heredity.doctor import Finding, Grade, Report, Verdict, examine
from heredity.doctor.meeting import Limits, host, join

pytestmark = pytest.mark.s3

LIMITS = Limits(arrival_seconds=30, round_seconds=30, num_names=20)
RIGHTS = ["put", "get", "head", "list", "delete"]


def grades(report: Report) -> dict[str, Grade]:
    return {finding.name: finding.grade for finding in report.findings}


def named(report: Report, name: str) -> Finding:
    (found,) = [finding for finding in report.findings if finding.name == name]
    return found


def options(endpoint: str) -> dict[str, str]:
    return S3Server(endpoint=endpoint, pid=0).options


def test_a_good_server_is_fit_and_nothing_is_left(moto: S3Server) -> None:
    url = moto.new_url()
    report = examine(url, options=moto.options)
    assert_is_good(report)
    assert moto.backend(url).names("") == []


def assert_is_good(report: Report) -> None:
    assert {grades(report)[f"right to {right}"] for right in RIGHTS} == {Grade.GOOD}
    assert {"put once", "put-once race", "read after write", "clock"} <= grades(report).keys()
    assert report.verdict is not Verdict.UNFIT
    assert report.left_out == ()


def test_a_server_that_ignores_conditions_is_unfit() -> None:
    with ObjectStore(bucket="weights", behavior=StoreBehavior(conditional_writes="ignore")) as server:
        report = examine("s3://weights/x", options=options(server.endpoint_url))
    assert report.verdict is Verdict.UNFIT
    assert "ignores conditional puts (If-None-Match)" in named(report, "put once").expected
    assert grades(report)["put-once race"] is Grade.UNFIT


def test_a_server_that_knows_no_conditions_is_unfit() -> None:
    with ObjectStore(bucket="weights", behavior=StoreBehavior(conditional_writes="reject")) as server:
        report = examine("s3://weights/x", options=options(server.endpoint_url))
    assert grades(report)["right to put"] is Grade.UNFIT
    assert "conditional puts (If-None-Match)" in named(report, "right to put").change
    assert "clock" in report.left_out


def test_every_right_that_is_missing_is_named() -> None:
    with scripted([Answer(403, "AccessDenied")] * 20) as server:
        report = examine("s3://weights/x", options=options(server.endpoint))
    assert grades(report) == {
        **{f"right to {right}": Grade.UNFIT for right in RIGHTS[:-1]},
        "right to delete": Grade.POOR,
    }
    assert "Check the credentials" in named(report, "right to put").change


def test_a_bucket_and_a_server_that_are_not_there_are_told(moto: S3Server) -> None:
    report = examine("s3://nobodys/x", options=moto.options)
    assert "there is no such bucket" in named(report, "right to put").seen
    report = examine("s3://weights/x", options=options(f"http://127.0.0.1:{free_port()}"))
    assert report.verdict is Verdict.UNFIT
    assert "Tried 3 times" in named(report, "right to put").seen


def test_two_machines_meet_in_a_bucket_of_another_good_server(ministack: S3Server) -> None:
    url, threads = ministack.new_url(), []

    def second(code: str) -> None:
        join(url, code=code, limits=LIMITS, options=ministack.options, name="second")

    def announce(_url: str, code: str, _num_others: int) -> None:
        threads.append(threading.Thread(target=second, args=[code]))
        threads[0].start()

    report = host(url, num_machines=2, announce=announce, limits=LIMITS, options=ministack.options)
    threads[0].join()
    assert_is_good(report)
    of_second = {finding.name: finding for finding in report.findings if finding.machine == "second"}
    assert of_second["read after write"].grade is Grade.GOOD
    assert of_second["deleted while open"].expected.startswith("on object stores just that")
    assert ministack.backend(url).names("") == []


def test_the_command_takes_its_credentials_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted([Answer(403, "AccessDenied")] * 20) as server:
        for name, text in options(server.endpoint).items():
            monkeypatch.setenv(f"AWS_{name.upper()}", text)
        done = CliRunner().invoke(cli.heredity, ["doctor", "s3://weights/x", "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["verdict"] == "unfit"
    assert "GET" in {asked.partition(" ")[0] for asked in server.asked}
