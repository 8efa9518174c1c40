"""The review app: a local web page on which a person decides what the machine cannot.

    text.py, code.py, differences.py    hostile text, programs and outputs as HTML
    tests_view.py                       unit tests and solutions as the page shows them
    corrections.py                      a form as a JSON Patch
    worklist_view.py                    filters, progress, what comes next
    desk.py                             one reviewer's worklist and ledger
    judgement.py                        what the app is told of a problem's programs
    pages.py, rendering.py, templates/  what each route answers
    security.py                         who may talk to it
    app.py, server.py                   routes, and the port

Needs the extra `review`; nothing here is imported before `appsplus review` asks for it.
"""
