"""Numbers over HTTP: ``uvicorn service:app``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from telephony_core import (
    AsyncTelephony,
    Conflict,
    InvalidInput,
    NotAllowed,
    NotFound,
    NumberImport,
    PhoneNumber,
    TelephonyError,
    UnsupportedError,
    WrongState,
)

STATUS = {InvalidInput: 422, UnsupportedError: 422, NotAllowed: 422, NotFound: 404, Conflict: 409, WrongState: 409}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncTelephony("vox") as app.state.telephony:  # one client for all requests
        yield


app = FastAPI(lifespan=lifespan)


@app.exception_handler(RequestValidationError)
async def refused_body(request: Request, error: RequestValidationError) -> JSONResponse:
    detail = [{"loc": each["loc"], "msg": each["msg"], "type": each["type"]} for each in error.errors()]
    return JSONResponse({"detail": detail}, 422)


@app.exception_handler(TelephonyError)
async def failed(request: Request, error: TelephonyError) -> JSONResponse:
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 502)
    return JSONResponse({"detail": error.message, "remedy": error.remedy}, status)


@app.get("/numbers/{number}")
async def find_number(number: str, request: Request) -> PhoneNumber:
    telephony: AsyncTelephony = request.app.state.telephony
    return await telephony.find_number(number)


@app.post("/numbers")
async def import_number(change: NumberImport, request: Request) -> PhoneNumber:
    telephony: AsyncTelephony = request.app.state.telephony
    return await telephony.import_number(change)
