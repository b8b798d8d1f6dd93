"""Client of Posthorn, one message broker for events with replay and jobs with retries."""

from ._core.group_records import GroupBatch, GroupOwner, GroupRecord, PartitionLag, Position, TopicPartition
from ._core.messages import UNCHANGED, MessageProperties
from ._core.received import Confirmation, PeekedMessage, Receipt, ReceivedRecord
from ._core.records import OutgoingRecord
from ._core.retry import RetryPolicy
from ._io.reading import TopicReplaced
from ._version import __version__
from .admin.dead_letters import DeadLetter, DeadLetterFilter, Replay
from .async_client import AsyncPosthorn
from .async_consumer import AsyncConsumer, AsyncMessage, AsyncMessages
from .async_group_consumer import AsyncGroupConsumer
from .async_producer import AsyncProducer
from .async_publisher import AsyncPublisher
from .async_reader import AsyncReader
from .async_transactional_producer import AsyncTransactionalProducer
from .client import Posthorn
from .consumer import Consumer, Message, Messages
from .errors import PosthornError
from .group_consumer import GroupConsumer
from .producer import Producer
from .publisher import Publisher
from .reader import Reader
from .transactional_producer import TransactionalProducer

__all__ = [
    "UNCHANGED",
    "AsyncConsumer",
    "AsyncGroupConsumer",
    "AsyncMessage",
    "AsyncMessages",
    "AsyncPosthorn",
    "AsyncProducer",
    "AsyncPublisher",
    "AsyncReader",
    "AsyncTransactionalProducer",
    "Confirmation",
    "Consumer",
    "DeadLetter",
    "DeadLetterFilter",
    "GroupBatch",
    "GroupConsumer",
    "GroupOwner",
    "GroupRecord",
    "Message",
    "MessageProperties",
    "Messages",
    "OutgoingRecord",
    "PartitionLag",
    "PeekedMessage",
    "Position",
    "Posthorn",
    "PosthornError",
    "Producer",
    "Publisher",
    "Reader",
    "Receipt",
    "ReceivedRecord",
    "Replay",
    "RetryPolicy",
    "TopicPartition",
    "TopicReplaced",
    "TransactionalProducer",
    "__version__",
]
