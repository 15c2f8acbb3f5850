"""What is kept on a case beside its course: notes for its departments."""

from paidan_contracts.wire import Text, Timestamp, WireModel


class CaseNote(WireModel):
    """备注: words of the staff on a case that its departments may read."""

    text: Text
    recorded_at: Timestamp
