"""Checks that the vault entries and photos that reports refer to exist. Pure."""

from collections.abc import Collection

from paidan_deploy.conservation.evidence import Evidence
from paidan_deploy.conservation.report import MAX_EXAMPLES, Check, Notice


def check_photos(evidence: Evidence) -> Check:
    return Check.of(
        "photos_exist", "every photo exists", "每张照片都存在", evidence.photos.lost, _uploaded_photos(evidence)
    )


def check_chained_logs(evidence: Evidence) -> Check:
    rows = range(sum(head.size for head in evidence.chained_logs.heads.values()))
    return Check.of(
        "chained_logs_intact",
        "the logs of looks at personal data and of keys are as they were written",
        "个人信息查看记录和密钥记录与写入时一致",
        evidence.chained_logs.broken,
        rows,
    )


def missing_uploads(evidence: Evidence) -> Notice:
    names = sorted(evidence.photos.never_sent)
    claimed = evidence.inbox_log.claimed_photos
    return Notice(
        "photos_never_uploaded",
        "photos that departments or cameras named and never uploaded",
        len(claimed),
        len(names),
        tuple(names[:MAX_EXAMPLES]),
        "部门或摄像机提及但从未上传的照片",
    )


def check_vault_entries(evidence: Evidence) -> Check:
    # A record that dispatch could not read is not from intake.
    dead_lettered, positions = set(evidence.inbox_dead_letters), evidence.inbox_log.positions
    expected = [
        name for name in evidence.inbox_log.vault_references if not dead_lettered.issuperset(positions.get(name, ()))
    ]
    missing = [name for name in expected if name in evidence.missing_vault_entries]
    return Check.of(
        "vault_entries_exist",
        "every reference into the vault has an entry",
        "每个指向保险库的引用都有条目",
        missing,
        expected,
    )


def _uploaded_photos(evidence: Evidence) -> Collection[str]:
    return (evidence.inbox_log.known_photos | evidence.inbox_log.claimed_photos) - set(evidence.photos.never_sent)
