"""The same create with FastAPI and SQLAlchemy: `python -m bench.peers.fastapi_peer URL PORT`.

A job of the request is a row, each of its tasks and routes is a row, and one transaction commits all of them. Nothing
is checked besides the types, and nothing is planned. Everything is as in the documentation of the two, with uvloop and
httptools.
"""

import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from sqlalchemy import ForeignKey, event
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_CONNECTIONS = 16


class Base(DeclarativeBase):
    pass


class Job(Base):
    __tablename__ = "job"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[int] = mapped_column(index=True)
    status: Mapped[str]
    created_at: Mapped[float]


class Task(Base):
    __tablename__ = "task"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("job.id"), index=True)
    engine_id: Mapped[str]
    status: Mapped[str]


class Route(Base):
    __tablename__ = "route"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("job.id"), index=True)
    parent: Mapped[str]
    child: Mapped[str]


class Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class NewTask(Body):
    engine_id: str
    correlation_task_id: str
    io_folders: list[dict[str, Any]] = []


class NewRoute(Body):
    task_parent_id: str
    task_child_id: str


class NewJob(Body):
    tasks: list[NewTask]
    task_routes: list[NewRoute] = []


class NewJobs(Body):
    jobs: list[NewJob]


engine = create_async_engine(sys.argv[1], pool_size=_CONNECTIONS)
sessions = async_sessionmaker(engine, expire_on_commit=False)


if sys.argv[1].startswith("sqlite"):

    @event.listens_for(engine.sync_engine, "connect")
    def _durable(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA busy_timeout=60000")


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/edge/v1/ping")
async def ping() -> str:
    return "pong"


@app.post("/edge/v1/proc/job/create")
async def create(body: NewJobs) -> dict[str, list[str]]:
    ids = []
    async with sessions() as session, session.begin():
        for new in body.jobs:
            job = Job(id=uuid.uuid4(), organization_id=1, status="pending", created_at=time.time())
            session.add(job)
            await session.flush()
            session.add_all(
                Task(id=uuid.uuid4(), job_id=job.id, engine_id=task.engine_id, status="pending") for task in new.tasks
            )
            session.add_all(
                Route(id=uuid.uuid4(), job_id=job.id, parent=route.task_parent_id, child=route.task_child_id)
                for route in new.task_routes
            )
            ids.append(str(job.id))
    return {"internalJobIds": ids}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", access_log=False)
