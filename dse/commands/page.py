"""`dse page`: the campaign as one HTML file, or one of its figures."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dse.commands.options import CampaignFile

if TYPE_CHECKING:
    from dse.view.beliefs import Beliefs
    from dse.view.story import Story


def beliefs_of(story: Story, *, looks_back: bool = True) -> Beliefs | None:
    """Ask the campaign's surrogate; takes seconds. One that fails costs its figures only."""
    from dse.commands.output import console
    from dse.view.beliefs import believe

    try:
        return believe(story.question, story.state, story.summary.incumbent, looks_back=looks_back)
    except Exception as error:
        console(stderr=True).print(f"warning: no surrogate's figures: {type(error).__name__}: {error}")
        return None


def write_page(
    path: CampaignFile,
    *,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="default: page.html beside the journal")
    ] = None,
    figure: Annotated[str | None, typer.Option("--figure", metavar="NAME", help="only this figure, as .svg, .pdf or .png")] = None,
    is_shared: Annotated[bool, typer.Option("--share", help="leave out local paths, hosts, users and licence servers")] = False,
    is_opened: Annotated[bool, typer.Option("--open", help="open it in the browser")] = False,
) -> int:
    """Write the page (default: page.html in the campaign's folder), or one figure as SVG, PDF or PNG.

    Args:
        is_shared: write an edition that may be given away (default: page-shared.html), see `dse.view.share`.

    Raises:
        SpecError: there is no such figure, its file's ending is none of .svg, .pdf, .png, or a figure is to be shared.
    """
    from dse.commands.output import console, question_of
    from dse.errors import SpecError
    from dse.store.fsops import write_atomically
    from dse.study.question import is_search_file
    from dse.view.story import read_story

    if figure is not None and is_shared:
        raise SpecError("--share: is for the whole page; a figure names no place, host or person. Leave one of the two out.")
    if is_search_file(path):
        from dse.commands.searches import page as of_search

        return of_search(path, output=output, is_opened=is_opened)
    question = question_of(path)
    story = read_story(question)
    if figure is None:
        from dse.view.page import page

        output = output or question.spec.state / ("page-shared.html" if is_shared else "page.html")
        content = page(story, beliefs_of(story), is_shared=is_shared).encode()
        write_atomically(output, content)
        out = console(stderr=True)
        out.print(f"{output}: {len(content) / 1000:.0f} kB, {len(story.state.trials)} trials")
        if is_shared:
            out.print("left out: local paths, hosts, users, addresses, licence servers; look it through before you give it away")
    else:
        output = output or Path(f"{question.spec.name}-{figure}.svg")
        write_figure(story, figure, output)
        console(stderr=True).print(f"{output}: figure {figure}")
    if is_opened and not webbrowser.open(output.absolute().as_uri()):
        console(stderr=True).print("no browser was found; open the file yourself")
    return 0


def write_figure(story: Story, name: str, output: Path) -> None:
    """Write one figure.

    Raises:
        SpecError: an unknown figure or ending, or no matplotlib for a PDF or PNG.
    """
    from dse.errors import SpecError
    from dse.store.fsops import write_atomically
    from dse.view.figures.campaign import FIGURES, NEEDS_BELIEF
    from dse.view.figures.files import encode

    if name not in FIGURES:
        raise SpecError(f"--figure: got {name!r}, expected one of {', '.join(FIGURES)}")
    beliefs = beliefs_of(story, looks_back=name == "belief") if name in NEEDS_BELIEF else None
    write_atomically(output, encode(FIGURES[name](story, beliefs), output.name))
