"""`models recipe`: the requests that put a registered model to use, written to a folder."""

from __future__ import annotations

import json
import re
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from orchestrator.commands.options import PATH, json_option
from orchestrator.commands.terminal import Output
from orchestrator.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.compiler.environment import Environment
    from orchestrator.compiler.serving import Recipe
    from orchestrator.compiler.serving_container import Hosting
    from orchestrator.results.registered import RegisteredModel

QUESTION = {"messages": [{"role": "user", "content": "..."}], "max_tokens": 128}


@click.command()
@click.argument("model", metavar="NAME/VERSION")
@click.option(
    "--env", metavar="NAME", required=True,
    help="The environment of fmo.yaml in whose registry the model is.",
)  # fmt: skip
@click.option("--endpoint", is_flag=True, help="For an endpoint; unless told otherwise.")
@click.option(
    "--batch-transform", nargs=2, metavar="S3-IN S3-OUT",
    help="For all requests below S3-IN, one JSON object a line.",
)  # fmt: skip
@click.option("--instance-type", metavar="TYPE", help="By default the first the package names.")
@click.option(
    "--engine", type=click.Choice(["vllm", "handler"]),
    help="By default vLLM on a GPU, where it can read the model; else the handler of fmo.",
)  # fmt: skip
@click.option("--base-model", metavar="S3-URI", help="Of an adapter whose package names none.")
@click.option(
    "-o", "--output", "target", type=PATH, metavar="FOLDER", help="By default NAME-VERSION."
)
@json_option
def recipe(
    model: str,
    env: str,
    batch_transform: tuple[str, str] | None,
    instance_type: str | None,
    engine: str | None,
    base_model: str | None,
    target: Path | None,
    *,
    endpoint: bool,
    as_json: bool,
) -> None:
    """Write the requests that serve a registered model, and how to send them.

    Nothing is made on AWS: an endpoint costs money for as long as it is there.
    """
    from orchestrator import flow_aws
    from orchestrator.aws.clients import connect
    from orchestrator.aws.registry import find_model
    from orchestrator.compiler.serving_container import hosting_of

    output = Output(as_json=as_json)
    if endpoint and batch_transform:
        what = "--endpoint and --batch-transform are two recipes"
        raise InputError(Problem("", what, "Ask for one, then for the other."))
    environment = flow_aws.environment_here(Path.cwd(), env)
    found = find_model(model, connect(environment.region))
    hosting = hosting_of(instance_type, engine, base_model)
    made = _recipe(found, environment, hosting, batch_transform)
    folder = target or Path(f"{found.group}-{found.version}")
    _write(made, folder, environment)
    if found.approval_status != "Approved":
        output.say(f"{found.name} is not approved; approve it: fmo models approve {found.name}")
    commands = list(_commands(made, folder, environment))
    output.show(f"{folder}: {', '.join(sorted(_files(made)))}", *commands)
    document = {"engine": made.engine, "requests": made.requests, "commands": commands}
    output.document(json.loads(json.dumps(document)))


def _recipe(
    model: RegisteredModel,
    environment: Environment,
    hosting: Hosting,
    places: tuple[str, str] | None,
) -> Recipe:
    """Return the recipe, valid by the service's own shapes."""
    from orchestrator.aws.shapes import load_shapes
    from orchestrator.compiler.serving import endpoint_recipe, transform_recipe
    from orchestrator.definition.requests import RequestChecker

    if places:
        made = transform_recipe(model, environment, hosting, places)
    else:
        made = endpoint_recipe(model, environment, hosting)
    checker = RequestChecker(load_shapes(), "sagemaker")
    problems = [
        problem
        for operation, request in made.requests.items()
        for problem in checker.value(request, f"{operation}Input", operation)
    ]
    if problems:
        raise InputError(problems)
    return made


def _files(recipe: Recipe) -> dict[str, str]:
    """Return the file of each operation's request."""
    names = {operation: re.sub(r"(?<!^)(?=[A-Z])", "-", operation) for operation in recipe.requests}
    return {f"{name.lower()}.json": operation for operation, name in names.items()}


def _write(recipe: Recipe, folder: Path, environment: Environment) -> None:
    from orchestrator.commands.writing import write_file

    for name, operation in _files(recipe).items():
        text = json.dumps(recipe.requests[operation], indent=2) + "\n"
        write_file(folder / name, text.encode())
    write_file(folder / "send.py", _program(recipe, environment).encode())
    for path, content in recipe.code.files.items() if recipe.code else ():
        if isinstance(content, bytes):
            write_file(folder / "code" / path, content)


def _commands(recipe: Recipe, folder: Path, environment: Environment) -> Iterator[str]:
    region = f"--region {environment.region}"
    if recipe.code:
        yield f"aws s3 cp --recursive {quote(f'{folder}/code')} {recipe.code.uri} {region}"
    for name in _files(recipe):
        request = quote(f"file://{folder}/{name}")
        yield f"aws sagemaker {name.removesuffix('.json')} --cli-input-json {request} {region}"


def _program(recipe: Recipe, environment: Environment) -> str:
    """Return a program that does the same by boto3, and asks the endpoint something."""
    lines = [
        '"""Send the requests beside this file, in order."""',
        "import json",
        "from pathlib import Path",
        "",
        "import boto3",
        "",
        "HERE = Path(__file__).parent",
        f'session = boto3.Session(region_name="{environment.region}")',
        'sagemaker = session.client("sagemaker")',
        *_upload_lines(recipe),
    ]
    for name, operation in _files(recipe).items():
        method = name.removesuffix(".json").replace("-", "_")
        lines.append(f'sagemaker.{method}(**json.loads((HERE / "{name}").read_text()))')
        lines += _waiting_lines(operation, recipe)
    return "\n".join(lines) + "\n"


def _upload_lines(recipe: Recipe) -> list[str]:
    if recipe.code is None:
        return []
    bucket, _, key = recipe.code.uri.removeprefix("s3://").partition("/")
    return [
        'code = HERE / "code"',
        'for path in filter(Path.is_file, code.rglob("*")):',
        f'    key = "{key}" + path.relative_to(code).as_posix()',
        f'    session.client("s3").upload_file(str(path), "{bucket}", key)',
    ]


def _waiting_lines(operation: str, recipe: Recipe) -> list[str]:
    request = recipe.requests[operation]
    if operation == "CreateTransformJob":
        waiter = 'sagemaker.get_waiter("transform_job_completed_or_stopped")'
        return [f'{waiter}.wait(TransformJobName="{request["TransformJobName"]}")']
    if operation != "CreateEndpoint":
        return []
    name = request["EndpointName"]
    return [
        f'sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="{name}")',
        'answer = session.client("sagemaker-runtime").invoke_endpoint(',
        f'    EndpointName="{name}", ContentType="application/json",',
        f"    Body=json.dumps({QUESTION!r}),",
        ")",
        'print(answer["Body"].read().decode())',
    ]
