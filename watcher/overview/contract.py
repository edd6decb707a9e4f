"""An overview as JSON: what `status --json` prints and `/status.json` answers."""

from __future__ import annotations

import datetime as dt

from watcher.overview.problems import headline
from watcher.overview.records import Overview, SourceOverview, SubscriptionOverview
from watcher.settings import Config


def as_contract(config: Config, overview: Overview, database: str) -> dict[str, object]:
    """The overview; scripts rely on these names. Instants are ISO 8601 in UTC."""
    daemon, mail = overview.daemon, overview.mail
    return {
        "verdict": overview.verdict.value,
        "summary": headline(overview),
        "problems": [{"kind": each.kind, "text": each.text} for each in overview.problems],
        "config": str(config.path),
        "database": database,
        "papers": overview.paper_count,
        "daemon": daemon
        and {
            "alive": daemon.is_alive,
            "pid": daemon.heartbeat.pid,
            "host": daemon.heartbeat.host,
            "version": daemon.heartbeat.version,
            "started_at": _iso(daemon.heartbeat.started_at),
            "beat_at": _iso(daemon.heartbeat.beat_at),
        },
        "replicas": [
            {
                "role": replica.role,
                "host": replica.host,
                "pid": replica.pid,
                "version": replica.version,
                "started_at": _iso(replica.started_at),
                "beat_at": _iso(replica.beat_at),
            }
            for replica in overview.replicas
        ],
        "last_check_at": _iso(overview.last_check_at),
        "next_check_at": _iso(overview.next_check_at),
        "sources": [_source_contract(source) for source in overview.sources],
        "subscriptions": [_subscription_contract(each) for each in overview.subscriptions],
        "mail": {
            **{state.value: count for state, count in mail.counts.items()},
            "oldest_waiting_at": _iso(mail.oldest.queued_at if mail.oldest else None),
            "next_attempt_at": _iso(mail.next_attempt_at),
            "stuck_since": _iso(mail.trouble_at),
            "stuck_because": mail.trouble,
            "of_pages": {
                "waiting": mail.letters.count,
                "oldest_waiting_at": _iso(mail.letters.oldest_at),
                "next_attempt_at": _iso(mail.letters.next_attempt_at),
                "error": mail.letters.error,
            },
            "failed": [
                {
                    "recipient": failed.delivery.recipient,
                    "subscription": failed.subscription_id,
                    "digest": failed.delivery.digest_id,
                    "state": failed.delivery.state.value,
                    "at": _iso(failed.delivery.finished_at),
                    "answer": failed.delivery.answer,
                    "delivered_since": failed.is_past,
                }
                for failed in mail.failed
            ],
        },
    }


def _iso(at: dt.datetime | None) -> str | None:
    return at.isoformat() if at else None


def _source_contract(source: SourceOverview) -> dict[str, object]:
    last, state = source.last, source.state
    return {
        "name": source.name,
        "page": source.page,
        "outcome": last and last.outcome and last.outcome.value,
        "checked_at": _iso(last.started_at if last else None),
        "next_check_at": _iso(source.next_check_at),
        "papers": last.paper_count if last else 0,
        "new": last.new_count if last else 0,
        "error": last and last.error,
        "last_good_at": _iso(state.last_good_at),
        "trouble_since": _iso(state.trouble_at),
        "left_alone_until": _iso(state.not_before_at),
    }


def _subscription_contract(subscription: SubscriptionOverview) -> dict[str, object]:
    digest, run = subscription.last_digest, subscription.last_run
    return {
        "id": subscription.id,
        "name": subscription.name,
        "to": list(subscription.recipients),
        "paused": [
            {"recipient": each.address, "since": _iso(each.paused_at), "reason": each.reason}
            for each in subscription.paused
        ],
        "left": [
            {"recipient": each.address, "since": _iso(each.left_at)} for each in subscription.left
        ],
        "snoozed": [
            {"rule": name, "until": until.isoformat()} for name, until in subscription.snoozed
        ],
        "standing": subscription.standing,
        "renamed_from": subscription.renamed_from,
        "digest": subscription.digest,
        "timezone": subscription.timezone,
        "next_digest_at": _iso(subscription.next_slot_at),
        "overdue_since": _iso(subscription.overdue_at),
        "pending": subscription.pending_count,
        "undecided": subscription.undecided_count,
        "last_run": run and {"at": _iso(run.scheduled_at), "papers": run.paper_count},
        "last_digest": digest
        and {
            "id": digest.id,
            "composed_at": _iso(digest.composed_at),
            "papers": digest.paper_count,
        },
    }
