"""The pages for people, under ``/ui``: rendered here, readable without JavaScript, live with it.

In: a browser's request with a session. Out: a page, a part of it, or a redirect after an action.

A page never asks the database. It calls the same services as the routes (``api/services.py``) and the read
models of ``fiscal`` and ``catalog``, and gives what they answer to a template.

How to add a page ``/ui/shifts``:

1. ``pages/shifts.py``: a coroutine that takes a ``Visit`` and returns a response, and the list of its
   routes. ``site.py`` checks session, role and form token before it calls the coroutine::

       async def shifts(visit: Visit) -> Response:
           found = await visit.services.sessions.page(...)      # a typed read model
           return visit.page("shifts.html", shifts=found)

       async def close(visit: Visit) -> Response:
           await visit.services.registers.z_report(visit.form["pos_id"], key=None, session_id=None)
           return visit.done("/shifts", "shifts.closed")        # 303, and the text on the next page

       ROUTES = (
           page("/shifts", shifts, nav="shifts"),               # nav: its place in the navigation
           action("/shifts/close", close, need=NEEDS[Action.Z_REPORT].role),
       )

   An action is always a POST with the form token: ``{{ visit.token() }}`` inside its ``<form>``.
   Errors are the ``AdapterError`` of the services: raise nothing of your own, the site shows them.

2. ``texts/shifts.py``: every text in both languages, ``TEXTS = {"shifts.title": Text("Shifts", "Смены")}``;
   add the module to ``texts/__init__.py``. A template says ``{{ t("shifts.title") }}``; values go in by
   name, ``{{ t("shifts.of", register=name) }}``. A test compares templates and catalogue.

3. ``templates/shifts.html`` extends ``base.html``; pieces that repeat are macros in ``parts.html``
   (``mark``, ``bar``, ``empty``, ``pill``, ``confirm``). What is live stands in one element::

       <section {{ live("shifts-list", "receipts") }}> ... </section>

   It is fetched anew when that mark changes (``live.py`` lists the marks: ``receipts``, ``overview``,
   ``catalogue``).

4. Add the module to ``pages/__init__.py``. The navigation shows it, and ``tests/integration/api/ui/
   test_ui_actions.py`` tries its actions without token, from a foreign page and with each role.

No inline script, style or event attribute: the Content-Security-Policy refuses them. Scripts are in
``static/app.js``, styles in ``static/ui.css`` (its head explains the scales), sizes of bars are attributes
of SVG. Times: ``{{ fmt.moment(at, zone) }}`` with the register's zone, said once on the page.
"""
