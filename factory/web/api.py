"""The same as JSON, for programs: `/api/v1/`. Signed in by session; a POST carries the page's token in `X-CSRFToken`.

Numbers are plain (shares of 1, microseconds, bytes, Unix seconds); what is unknown is null.
"""

from flask import Blueprint, abort, jsonify, request
from flask.typing import ResponseReturnValue

from factory.errors import BadInput
from factory.web import pushing
from factory.web.access import needs, signed_in
from factory.web.catalogue import job_view, model_row
from factory.web.reading import reader

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")


@blueprint.get("/devices")
def devices() -> ResponseReturnValue:
    """Every device, as the fleet's table shows it."""
    return jsonify(devices=reader().fleet())


@blueprint.get("/devices/<name>")
def device(name: str) -> ResponseReturnValue:
    """One device, as its page shows it."""
    try:
        return jsonify(device=reader().device(name))
    except BadInput as error:
        abort(404, str(error))


@blueprint.get("/releases")
def releases() -> ResponseReturnValue:
    """Every release, newest first."""
    return jsonify(releases=reader().models())


@blueprint.get("/releases/<ref>")
def release(ref: str) -> ResponseReturnValue:
    """One release, with the facts of its manifest."""
    read = reader()
    try:
        row = read.registry.release(ref)
    except BadInput as error:
        abort(404, str(error))
    known = read.facts(row)
    return jsonify(release=model_row(row, known), facts=known)


@blueprint.get("/jobs")
def jobs() -> ResponseReturnValue:
    """The latest jobs, newest first."""
    return jsonify(jobs=reader().jobs())


@blueprint.post("/push")
@needs("operator")
def push() -> ResponseReturnValue:
    """Ask for a push: `{"release": DIGEST, "to": DEVICE or GROUP, "slot": "active"}`."""
    wanted = request.get_json()
    if not isinstance(wanted, dict):
        abort(400, "Send an object with release, to and slot.")
    user = signed_in()
    assert user is not None, "access.py lets nobody else through"
    try:
        job = pushing.submit(wanted, user.name)
    except BadInput as error:
        abort(422, str(error))
    read = reader()
    return jsonify(job=job_view(job, read.names, read.now)), 202
