"""Steps that decide, call out or wait."""

from __future__ import annotations

from recorder import jobs
from recorder.session import BUCKET, ROLE, OfflineSession
from sagemaker.core.lambda_helper import Lambda
from sagemaker.core.workflow.conditions import (
    ConditionEquals,
    ConditionGreaterThan,
    ConditionGreaterThanOrEqualTo,
    ConditionIn,
    ConditionLessThan,
    ConditionLessThanOrEqualTo,
    ConditionNot,
    ConditionOr,
)
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterBoolean, ParameterFloat, ParameterString
from sagemaker.mlops.workflow.callback_step import (
    CallbackOutput,
    CallbackOutputTypeEnum,
    CallbackStep,
)
from sagemaker.mlops.workflow.cleanup_step import CleanupStep, S3CleanupSource
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.emr_serverless_step import (
    EMRServerlessJobConfig,
    EMRServerlessStep,
)
from sagemaker.mlops.workflow.emr_step import EMRStep, EMRStepConfig
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.for_each_step import CurrentItem, ForEachStep
from sagemaker.mlops.workflow.lambda_step import LambdaOutput, LambdaOutputTypeEnum, LambdaStep
from sagemaker.mlops.workflow.step_dependency import StepDependency, TriggerCondition

BOUND = ParameterFloat("Bound", default_value=0.8)
STRICT = ParameterBoolean("Strict", default_value=True)
TEAM = ParameterString("Team", default_value="support", enum_values=["support", "sales"])
PARAMETERS = [*jobs.PARAMETERS, BOUND, STRICT, TEAM]
FUNCTION = "arn:aws:lambda:us-east-1:111122223333:function:sagemaker-start"


def steps(session: OfflineSession, folder: str) -> list[object]:
    prepare = jobs.processing(session, folder)
    call = LambdaStep(
        "Call",
        lambda_func=Lambda(function_arn=FUNCTION, session=session),
        inputs={"team": TEAM, "run": ExecutionVariables.PIPELINE_EXECUTION_ID},
        outputs=[LambdaOutput("answer", LambdaOutputTypeEnum.String)],
    )
    wait = CallbackStep(
        "Wait",
        sqs_queue_url="https://sqs.us-east-1.amazonaws.com/111122223333/queue",
        inputs={"answer": call.properties.Outputs["answer"]},
        outputs=[CallbackOutput("uri", CallbackOutputTypeEnum.String)],
        depends_on=[prepare],
    )
    cleanup = CleanupStep("Tidy", [S3CleanupSource(prepare, [f"s3://{BUCKET}/data/a"])])
    notify = LambdaStep(
        "Notify",
        lambda_func=Lambda(function_arn=FUNCTION, session=session),
        depends_on=[StepDependency(prepare, TriggerCondition.FAILED)],
    )
    return [prepare, call, wait, gate(prepare), *emr(), each(session), cleanup, notify]


def gate(prepare: object) -> ConditionStep:
    by_file = JsonGet(step_name="Prepare", property_file="Metrics", json_path="accuracy.value")
    uri = prepare.properties.ProcessingOutputConfig.Outputs["metrics"].S3Output.S3Uri
    by_uri = JsonGet(s3_uri=Join("/", [uri, "metrics.json"]), json_path="['forgetting.loss']")
    inner = ConditionStep(
        "Inner",
        conditions=[ConditionIn(TEAM, ["support", "sales"])],
        if_steps=[],
        else_steps=[FailStep("InnerFailed", error_message="No such team")],
    )
    return ConditionStep(
        "Gate",
        conditions=[
            ConditionGreaterThanOrEqualTo(by_file, BOUND),
            ConditionGreaterThan(by_file, 0.1),
            ConditionNot(ConditionLessThan(by_uri, 0)),
            ConditionOr(
                [
                    ConditionEquals(left=STRICT, right=False),
                    ConditionLessThanOrEqualTo(by_uri, 0.05),
                ]
            ),
        ],
        if_steps=[inner],
        else_steps=[FailStep("GateFailed", error_message=Join(" ", ["accuracy is below", BOUND]))],
    )


def emr() -> list[object]:
    cluster = EMRStep(
        name="Spark",
        display_name="Spark",
        description="Counts rows",
        cluster_id="j-1ABCDEFGHIJKL",
        step_config=EMRStepConfig(
            jar="command-runner.jar", args=["spark-submit", f"s3://{BUCKET}/count.py"]
        ),
    )
    serverless = EMRServerlessStep(
        name="Serverless",
        display_name="Serverless",
        description="Counts rows",
        application_id="00abcdefghijklmn",
        job_config=EMRServerlessJobConfig(
            job_driver={"sparkSubmit": {"entryPoint": f"s3://{BUCKET}/count.py"}},
            execution_role_arn=ROLE,
        ),
    )
    return [cluster, serverless]


def each(session: OfflineSession) -> ForEachStep:
    body = LambdaStep(
        "One",
        lambda_func=Lambda(function_arn=FUNCTION, session=session),
        inputs={"item": CurrentItem()},
        outputs=[LambdaOutput("done", LambdaOutputTypeEnum.String)],
    )
    return ForEachStep("Each", iterable_items=["a", "b"], max_concurrency=2, for_each_body=[body])
