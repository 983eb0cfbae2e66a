"""`hachaos`: finds the command, runs it, turns errors into one line and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from chaos import __version__
from chaos.cli.colors import no_color
from chaos.errors import ExitCode, HachaosError
from chaos.redact import plain, redact

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# Name -> (module:attribute, help). The help stands here so that `--help` imports no command.
_COMMANDS = {
    "run": ("chaos.cli.run:run", "Run scenarios and judge them."),
    "validate": ("chaos.cli.scenarios:validate", "Check scenario files; touch nothing."),
    "plan": ("chaos.cli.scenarios:plan", "Show what a run would do; touch nothing."),
    "list": ("chaos.cli.scenarios:list_", "List the bundled scenarios and their claims."),
    "init": ("chaos.cli.init:init", "Write a commented scenario to begin with."),
    "explain": ("chaos.cli.explain:explain", "Tell what an action, a check, an exit code, any word means."),
    "claims": ("chaos.cli.claims:claims", "Print the page of claims that suites proved or refuted."),
    "check": ("chaos.cli.check:check", "Judge runs again, from their folders alone."),
    "report": ("chaos.cli.report:report", "Copy the reports of nightly runs out of the cluster."),
    "diff": ("chaos.cli.diff:diff", "Compare two runs."),
    "history": ("chaos.cli.history:history", "Show how each scenario stands over all runs, and whether it got worse."),
    "trend": ("chaos.cli.history:trend", "Draw how outages and recovery went from run to run."),
    "journal": ("chaos.cli.journal:journal", "Read a run's journal: what was done, decided and put back."),
    "recover": ("chaos.cli.recover:recover", "Put back what unfinished runs have changed."),
    "preflight": ("chaos.cli.preflight:preflight", "List the risks in a stack's objects; touch nothing."),
    "rbac": ("chaos.cli.rbac:rbac", "Print the Role that a run needs; touch nothing."),
    "stack": ("chaos.cli.stack:stack", "Deploy, look at or remove the stack under test."),
    "cluster": ("chaos.cli.cluster:cluster", "The embedded Kubernetes: up, down, status, kubectl, doctor."),
    "completion": ("chaos.cli.completion:completion", "Print the script that makes a shell complete hachaos."),
}


@contextmanager
def _a_closed_pipe_is_no_verdict() -> Iterator[None]:
    """End with 3 where nobody reads what is printed: click and Rich would with 1, which is `fail` here."""
    try:
        yield
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):
            raise
        # What is still in the buffer has to go somewhere, or the interpreter ends with an error of its own over it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(int(ExitCode.TROUBLE)) from error


class _Lazy(click.Group):
    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        with _a_closed_pipe_is_no_verdict():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _a_closed_pipe_is_no_verdict():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            import difflib

            close = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            guess = f"; did you mean {close[0]!r}?" if close else ""
            raise click.UsageError(f"no command {args[0]!r}{guess}", ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands and options that begin so; no command is imported for it."""
        from click.shell_completion import CompletionItem

        options = click.Command.shell_complete(self, ctx, incomplete)
        named = [(name, about) for name, (_, about) in _COMMANDS.items() if name.startswith(incomplete)]
        return [CompletionItem(name, help=about) for name, about in named] + options

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


_EPILOG = (
    "Exit codes: 0 pass, 1 fail, 2 unknown, 3 the tool or the cluster failed, 4 usage, 5 undo incomplete, "
    "130 interrupted."
)


@click.command(
    cls=_Lazy,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@no_color
@click.version_option(__version__, "--version", "-V", prog_name="hachaos")
def hachaos() -> None:
    """Break a highly available WordPress + MySQL + NFS stack on Kubernetes on purpose, and prove what was lost.

    First run: hachaos run scenarios/kill-master.yaml
    """


def main() -> None:
    """The console script: ends the process with one of the documented exit codes."""
    sys.excepthook = _complain_of_bug
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    try:
        result = hachaos.main(args=arguments, prog_name="hachaos", standalone_mode=False)
    except HachaosError as error:
        _complain(str(error), error.hint or error.usual_hint)
        return int(error.exit_code)
    except click.exceptions.Exit as error:
        return int(error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        # Whoever asked for nothing is shown what there is, as by --help.
        with suppress(OSError, ValueError):
            click.echo(error.format_message(), err=True)
        return int(ExitCode.USAGE)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "hachaos"
        _complain(" ".join(error.format_message().split()), f"{where} --help")
        return int(ExitCode.USAGE)
    except (click.Abort, KeyboardInterrupt):
        _complain("interrupted")
        return int(ExitCode.INTERRUPTED)
    return result if isinstance(result, int) else int(ExitCode.PASS)


def _complain(message: str, hint: str | None = None) -> None:
    # A terminal that is closed must not change the exit code.
    with suppress(OSError, ValueError):
        for line in message.split("\n"):
            print(f"hachaos: {plain(line)}", file=sys.stderr)
        for line in f"hint: {hint}".split("\n") if hint else ():
            print(plain(line), file=sys.stderr)


def _complain_of_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    import traceback

    print(redact("".join(traceback.format_exception(kind, error, trace))), end="", file=sys.stderr)


if __name__ == "__main__":
    main()
