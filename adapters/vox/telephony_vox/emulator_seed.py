"""The numbers that a fresh vox emulator holds: every status and kind, and the lines for sale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from telephony_core.emulator import Record, StoredCredentials

AGENTS: Final[Mapping[str, int]] = {"reception": 7, "sales": 3, "survey": 1}
"""Agents by name, with their newest frozen version."""

LINES: Final = (
    ("07077770001", "voip", 3300, True, True),
    ("07077770002", "voip", 3300, True, False),
    ("07077770103", "voip", 5500, True, True),
    ("01077770004", "mobile", 11000, True, True),
    ("0277770005", "landline", 4400, False, False),
    ("0517770006", "landline", 4400, False, False),
    ("15887777", "uan", 33000, False, False),
    ("050777700008", "personal", 2200, True, False),
    ("0807770009", "toll_free", 22000, False, False),
)
"""Lines for sale: number, line type, monthly fee in KRW, sends and receives text messages."""


def lines() -> Iterator[Record]:
    """The lines for sale, without ids."""
    for number, line_type, fee, send, recv in LINES:
        yield {
            "number": number,
            "line_type": line_type,
            "monthly_fee": fee,
            "provider": "vox",
            "sms_capable": {"send": send, "recv": recv},
        }


def numbers(now: datetime, agents: Mapping[str, str]) -> Iterator[tuple[Record, StoredCredentials | None]]:
    """Owned numbers as the fields that differ from a plain active record, oldest first, with their credentials."""

    def ms(*, days: float) -> int:
        return int((now + timedelta(days=days)).timestamp()) * 1000

    def agent(name: str, version: str) -> dict[str, object]:
        return {"agent_id": agents[name], "agent_version": version}

    def bought(number: str, fee: int, age: int, **fields: object) -> tuple[Record, None]:
        start = ms(days=-age)
        record: Record = {"number": number, "provider": "vox", "monthly_fee": fee, "start_at": start}
        return {**record, "created_at": start, "updated_at": start, **fields}, None

    def imported(
        number: str, address: str | None, age: int, user: str | None = None, **fields: object
    ) -> tuple[Record, StoredCredentials]:
        start = ms(days=-age)
        record: Record = {"number": number, "provider": "custom", "address": address, "start_at": start}
        password = None if user is None else f"password-of-{user}"
        return {**record, "created_at": start, "updated_at": start, **fields}, StoredCredentials(user, password)

    # A number that was released and imported again: one record is expired, the other one active.
    yield imported(
        "07055556666", "sip:old.example.com:5060", 400, "old", status="expired", end_at=ms(days=-90),
        cancel_requested_at=ms(days=-90), memo="이전 트렁크",
    )  # fmt: skip
    yield bought("0231234567", 4400, 380, status="expired", end_at=ms(days=-30), cancel_requested_at=ms(days=-45))
    yield imported(
        "07011112222", "sip:trunk.example.com:5060", 300, "acme", memo="본사 대표번호",
        inbound_agent=agent("reception", "production"), outbound_agent=agent("sales", "production"),
    )  # fmt: skip
    yield bought(
        "07012345678", 3300, 290, memo="예약 상담 — 평일 09:00~18:00", inbound_agent=agent("reception", "production")
    )
    # The form in which a live custom number was seen: a bare IPv4 address, no scheme, no port.
    yield imported("0212345678", "203.0.113.10", 280, memo="서울 사무소", inbound_agent=agent("reception", "v7"))
    yield imported("021234567", "sip:seoul.example.com", 270, "seoul")
    yield bought("0311234567", 4400, 260, inbound_agent=agent("survey", "v1"), outbound_agent=agent("survey", "v1"))
    yield imported("01012345678", "sip:mobile.example.com:5060", 250, "mobile", inbound_agent=agent("sales", "current"))
    yield imported("15881234", "sip:uan.example.com:5060", 240, "uan", memo="전국 대표번호")
    yield bought("16441234", 33000, 230, outbound_agent=agent("sales", "v3"))
    yield imported("18111234", "198.51.100.7", 220, memo="1811 대표번호")
    yield bought("0801234567", 22000, 210, inbound_agent=agent("reception", "production"), memo="수신자 부담")
    yield imported("05012345678", "sip:personal.example.com:5060", 200)
    yield bought("050712345678", 2200, 190, memo="안심번호 (열두 자리)")
    yield imported("140001", "sip:service.example.com:5060", 180, "service", memo="여섯 자리 서비스 번호")
    yield imported("07033330001", "sip:acme@pbx.example.com:5061;transport=tls", 170, "acme-tls")
    yield imported("07033330002", "sip:[2001:db8::5]:5060", 160)
    yield imported("07033330003", None, 150, memo="SIP 설정 없음")
    yield imported("07055556666", "sip:new.example.com:5060", 80, "new", memo="새 트렁크")
    yield bought(
        "0515551234", 4400, 60, status="cancel_requested", cancel_requested_at=ms(days=-5), end_at=ms(days=12),
        inbound_agent=agent("sales", "production"), memo="부산 지점 (해지 예정)",
    )  # fmt: skip
    yield imported(
        "0641234567", "sip:jeju.example.com:5060", 50, "jeju", status="expired", end_at=ms(days=-1),
        cancel_requested_at=ms(days=-1),
    )  # fmt: skip
    yield bought("07044440001", 3300, 3, status="scheduled", start_at=ms(days=10), memo="다음 달 개통")
    yield bought("01044440002", 11000, 2, status="scheduled", start_at=ms(days=20))
