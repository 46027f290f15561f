"""The catalog: the few things that are always in memory and are written whole when they change: queues, move tasks, recent deletions.

Messages are left to `memtable`; the tables that a catalog is read from and written to are left to `tables` and `fold`.
"""

from collections.abc import Callable

import msgspec

from crossdock.aws.quotas import MOVE_TASKS_LISTED_MAX
from crossdock.broker.outcome import Fact
from crossdock.broker.queues.facts import AttributesSet, MoveTaskChanged, Purged, QueueCreated, QueueDeleted, TagsSet


class QueueEntry(msgspec.Struct, frozen=True, gc=False):
    """A queue as it stands."""

    created: QueueCreated
    attributes: dict[str, str]
    tags: dict[str, str]
    modified_ms: int
    purged_ms: int = 0


class DeletedQueue(msgspec.Struct, frozen=True, gc=False):
    """A queue that is gone."""

    number: int
    account: str
    region: str
    name: str
    at_ms: int


class CatalogChanges(msgspec.Struct, gc=False):
    """What changed since the last fold: the new state of each thing."""

    queues: dict[int, QueueEntry]
    deleted: list[DeletedQueue]
    move_tasks: dict[str, MoveTaskChanged | None]
    """None: forgotten."""
    last_queue: int


class Catalog:
    """The present state. Entries are values: a change replaces them, so that a fold may read them in another thread."""

    def __init__(self) -> None:
        self.queues: dict[int, QueueEntry] = {}
        self.deleted: list[DeletedQueue] = []
        self.move_tasks: dict[str, MoveTaskChanged] = {}
        self.last_queue = 0
        self._changes = self._no_changes()

    @property
    def appliers(self) -> dict[type[Fact], Callable[..., None]]:
        """The method for each fact that changes the catalog."""
        return {
            QueueCreated: self.create,
            QueueDeleted: self.delete,
            AttributesSet: self.set_attributes,
            TagsSet: self.set_tags,
            Purged: self.purge,
            MoveTaskChanged: self.change_move_task,
        }

    def create(self, fact: QueueCreated) -> None:
        self.last_queue = max(self.last_queue, fact.queue)
        self._put(QueueEntry(fact, fact.attributes, fact.tags, fact.at_ms))

    def delete(self, fact: QueueDeleted) -> None:
        created = self.queues.pop(fact.queue).created
        gone = DeletedQueue(fact.queue, created.account, created.region, created.name, fact.at_ms)
        self.deleted.append(gone)
        self._changes.queues.pop(fact.queue, None)
        self._changes.deleted.append(gone)

    def set_attributes(self, fact: AttributesSet) -> None:
        entry = self.queues[fact.queue]
        self._put(msgspec.structs.replace(entry, attributes=fact.attributes, modified_ms=fact.at_ms))

    def set_tags(self, fact: TagsSet) -> None:
        self._put(msgspec.structs.replace(self.queues[fact.queue], tags=fact.tags))

    def purge(self, fact: Purged) -> None:
        self._put(msgspec.structs.replace(self.queues[fact.queue], purged_ms=fact.at_ms))

    def change_move_task(self, fact: MoveTaskChanged) -> None:
        """Only so many tasks of a source are kept as ListMessageMoveTasks shows."""
        self.move_tasks[fact.task_id] = self._changes.move_tasks[fact.task_id] = fact
        of_source = [task for task in self.move_tasks.values() if task.source_arn == fact.source_arn]
        if len(of_source) > MOVE_TASKS_LISTED_MAX:
            oldest = min(of_source, key=lambda task: task.started_ms).task_id
            del self.move_tasks[oldest]
            self._changes.move_tasks[oldest] = None

    def freeze(self) -> CatalogChanges:
        """What changed since the last call."""
        changes, self._changes = self._changes, self._no_changes()
        changes.last_queue = self.last_queue
        return changes

    def _put(self, entry: QueueEntry) -> None:
        self.queues[entry.created.queue] = self._changes.queues[entry.created.queue] = entry

    @staticmethod
    def _no_changes() -> CatalogChanges:
        return CatalogChanges(queues={}, deleted=[], move_tasks={}, last_queue=0)
