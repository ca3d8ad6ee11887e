"""The pages: fleet, device, models, model, jobs; and the one form they share, which asks for a push."""

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from factory.errors import BadInput, Unavailable
from factory.registry.rows import ReleaseRow, UserRow
from factory.web import charts, pushing
from factory.web.access import needs, public, signed_in
from factory.web.addresses import safe_path
from factory.web.catalogue import model_row
from factory.web.context import web
from factory.web.headers import CARD_POLICY
from factory.web.measure import recall
from factory.web.reading import reader

WIDE, NARROW = 840, 330  # of a chart, in pixels; the style sheet shows the one that fits

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def fleet() -> ResponseReturnValue:
    """Every device at a glance."""
    return render_template("fleet.html", rows=reader().fleet(), sparkline=charts.sparkline)


@blueprint.get("/devices/<name>")
def device(name: str) -> ResponseReturnValue:
    """One device: what it runs, how well, what is wanted, what happened."""
    read = reader()
    try:
        view, row = read.device(name), read.registry.device(name)
    except BadInput as error:
        abort(404, str(error))
    known = read.names.row(view.row.model.release if view.row.model else None)
    held_out = model_row(known, None).held_out if known else None
    reference = held_out.accuracy if held_out else None
    drawn = {
        "wide": charts.accuracy_chart(view.course, reference, WIDE),
        "narrow": charts.accuracy_chart(view.course, reference, NARROW),
        "heat": charts.heat_map(view.confusion, view.classes),
        "recall": charts.bars("Recall by class", recall(view.confusion, view.classes)),
    }
    shown = {"view": view, "jobs": read.jobs_of(row), "choices": read.choices(), "slots": pushing.SLOTS}
    return render_template("device.html", charts=drawn, reference=reference, **shown)


@blueprint.get("/models")
def models() -> ResponseReturnValue:
    """Every release, newest first."""
    return render_template("models.html", rows=reader().models())


@blueprint.get("/models/<ref>")
def model(ref: str) -> ResponseReturnValue:
    """One release: its evidence, its cost, who runs it."""
    read, release = reader(), _release(ref)
    known = read.facts(release)
    row = model_row(release, known)
    evidence = row.held_out
    drawn = {
        "heat": charts.heat_map(evidence.confusion, known.classes) if evidence and known else "",
        "recall": charts.bars("Recall by class", recall(evidence.confusion, known.classes))
        if evidence and known
        else "",
        "groups": charts.bars("Accuracy by group", evidence.accuracy_by_group) if evidence else "",
    }
    shown = {"holders": read.holders(release.release), "devices": read.registry.devices(), "groups": read.groups()}
    return render_template("model.html", row=row, facts=known, charts=drawn, slots=pushing.SLOTS, **shown)


@blueprint.get("/models/<ref>/card")
def card(ref: str) -> ResponseReturnValue:
    """The model card as it was published: a document of its own, in a sandbox."""
    release = _release(ref)
    if release.card is None:
        abort(404, "This model was published without a card.")
    try:
        html = web().registry.blobs.get(release.card)
    except KeyError:
        abort(404, "The card of this model is not in the store any more.")
    return Response(html, mimetype="text/html", headers={"Content-Security-Policy": CARD_POLICY})


@blueprint.get("/jobs")
def jobs() -> ResponseReturnValue:
    """What was asked for, and what became of it."""
    return render_template("jobs.html", jobs=reader().jobs())


@blueprint.post("/push")
@needs("operator")
def push() -> ResponseReturnValue:
    """Ask for a push, then go back to where it was asked for."""
    try:
        job = pushing.submit(request.form, _user().name)
    except BadInput as error:
        flash(str(error), "bad")
    else:
        flash(f"Job {job.id} is queued: the push to {job.payload['to']}.", "good")
    return redirect(safe_path(request.form.get("back"), url_for("pages.jobs")))


@blueprint.get("/healthz")
@public
def healthz() -> ResponseReturnValue:
    """Whether the page can reach its registry, for whoever keeps it running."""
    try:
        return {"status": "ok", "revision": web().registry.revision()}
    except Unavailable:
        return {"status": "the registry does not answer"}, 503


def _release(ref: str) -> ReleaseRow:
    try:
        return web().registry.release(ref)
    except BadInput as error:
        abort(404, str(error))


def _user() -> UserRow:
    user = signed_in()
    assert user is not None, "access.py lets nobody else through"
    return user
