"""Every rule, by breaking a valid definition and reading what is said of it."""

import json
from copy import deepcopy

import pytest

from orchestrator.definition.reader import parse_definition
from orchestrator.definition.validation import validate

DATA = "Steps.Prepare.ProcessingOutputConfig.Outputs['data'].S3Output.S3Uri"


def test_the_valid_definition_has_no_problems(problems):
    assert problems() == []


def test_all_problems_are_reported_at_once_in_the_order_of_steps(problems, raw, prepare, train):
    raw["Version"] = "2021"
    prepare["Arguments"]["RoleArn"] = "me"
    train["Arguments"]["StopingCondition"] = train["Arguments"].pop("StoppingCondition")
    train["DependsOn"] = ["Prepar"]
    assert problems() == [
        "Version: there is no version '2021'. Use '2020-12-01'.",
        "Steps.Prepare.Arguments.RoleArn: it has 2 characters, 'me'. Give at least 20.",
        "Steps.Train.Arguments: there is no member 'StopingCondition'. "
        "Did you mean 'StoppingCondition'?",
        "Steps.Train.DependsOn: there is no step 'Prepar'. Did you mean 'Prepare'?",
    ]


class TestRequests:
    def test_a_missing_member_is_named(self, problems, train):
        del train["Arguments"]["OutputDataConfig"]["S3OutputPath"]
        assert problems() == ["Steps.Train.Arguments.OutputDataConfig: S3OutputPath is missing."]

    def test_the_name_of_the_job_may_be_left_to_sagemaker(self, problems, train):
        assert "TrainingJobName" not in train["Arguments"]
        train["Arguments"]["TrainingJobName"] = "mine"
        assert problems() == []

    @pytest.mark.parametrize(
        ("value", "said"),
        [
            ("1", "this is text, '1'. Write a whole number."),
            (1.5, "this is a number, 1.5. Write a whole number."),
            (True, "this is a boolean, True. Write a whole number."),
            (None, "this is null. Write a whole number."),
            (-1, "the value is -1. At least 0 are needed."),
        ],
    )
    def test_a_number_is_a_number_in_its_range(self, problems, train, value, said):
        train["Arguments"]["ResourceConfig"]["InstanceCount"] = value
        assert problems() == [f"Steps.Train.Arguments.ResourceConfig.InstanceCount: {said}"]

    def test_text_is_not_an_object(self, problems, train):
        train["Arguments"]["ResourceConfig"] = "ml.g5.xlarge"
        assert problems() == [
            "Steps.Train.Arguments.ResourceConfig: this is text, 'ml.g5.xlarge'. Write an object."
        ]

    def test_hyperparameters_are_text(self, problems, train):
        train["Arguments"]["HyperParameters"]["epochs"] = 3
        assert problems() == [
            "Steps.Train.Arguments.HyperParameters.epochs: this is a number, 3. Write text."
        ]

    def test_an_enum_is_one_of_its_values(self, problems, train):
        train["Arguments"]["AlgorithmSpecification"]["TrainingInputMode"] = "Files"
        assert problems() == [
            "Steps.Train.Arguments.AlgorithmSpecification.TrainingInputMode: "
            "SageMaker has no training input mode 'Files'. Did you mean 'File'?"
        ]

    def test_text_matches_its_pattern(self, problems, train):
        train["Arguments"]["OutputDataConfig"]["S3OutputPath"] = "./models"
        assert problems() == [
            "Steps.Train.Arguments.OutputDataConfig.S3OutputPath: './models' does not match "
            "(https|s3)://([^/]+)/?(.*)."
        ]

    def test_a_container_argument_has_at_most_256_characters(self, problems, prepare):
        prepare["Arguments"]["AppSpecification"]["ContainerArguments"] = ["a" * 257]
        assert problems() == [
            "Steps.Prepare.Arguments.AppSpecification.ContainerArguments[0]: "
            "it has 257 characters. At most 256 are allowed."
        ]

    def test_a_join_is_as_long_as_its_literal_parts(self, problems, prepare):
        join = {"On": "/", "Values": ["a" * 255, {"Get": "Execution.PipelineExecutionId"}, "b"]}
        prepare["Arguments"]["AppSpecification"]["ContainerArguments"] = [{"Std:Join": join}]
        assert problems() == [
            "Steps.Prepare.Arguments.AppSpecification.ContainerArguments[0]: "
            "joined it has at least 258 characters. At most 256 are allowed."
        ]

    def test_a_list_has_at_most_as_many_entries_as_the_service_takes(self, problems, prepare):
        prepare["Arguments"]["AppSpecification"]["ContainerArguments"] = ["a"] * 101
        assert problems() == [
            "Steps.Prepare.Arguments.AppSpecification.ContainerArguments: "
            "there are 101 entries. At most 100 are allowed."
        ]

    def test_processing_lacks_instance_types_that_training_has(self, problems, prepare, train):
        train["Arguments"]["ResourceConfig"]["InstanceType"] = "ml.p4d.24xlarge"
        assert problems() == []
        cluster = prepare["Arguments"]["ProcessingResources"]["ClusterConfig"]
        cluster["InstanceType"] = "ml.p4d.24xlarge"
        (problem,) = problems()
        assert problem.startswith(
            "Steps.Prepare.Arguments.ProcessingResources.ClusterConfig.InstanceType: "
            "SageMaker has no processing instance type 'ml.p4d.24xlarge'."
        )

    def test_an_expression_stands_for_anything(self, problems, train):
        train["Arguments"]["ResourceConfig"]["InstanceCount"] = {"Get": "Parameters.Least"}
        train["Arguments"]["HyperParameters"]["epochs"] = {
            "Std:Join": {"On": "", "Values": [{"Get": "Parameters.Least"}]}
        }
        assert problems() == []

    def test_a_number_parameter_in_a_text_member_must_be_joined(self, problems, train):
        train["Arguments"]["HyperParameters"]["epochs"] = {"Get": "Parameters.Least"}
        assert problems() == [
            "Steps.Train.Arguments.HyperParameters.epochs: parameter Least is Integer, and this "
            "must be text; SageMaker refuses that when the pipeline is created. "
            'Wrap it: {"Std:Join": {"On": "", "Values": [{"Get": ...}]}}.'
        ]

    @pytest.mark.parametrize(
        ("kind", "said"),
        [
            ("String", "parameter P is String, and this must be a whole number"),
            ("Float", "parameter P is Float, and this must be a whole number"),
            ("Boolean", "parameter P is Boolean, and this must be a whole number"),
        ],
    )
    def test_a_parameter_has_the_type_of_the_member(self, problems, raw, train, kind, said):
        raw["Parameters"].append({"Name": "P", "Type": kind})
        train["Arguments"]["ResourceConfig"]["InstanceCount"] = {"Get": "Parameters.P"}
        (problem,) = problems()
        assert said in problem

    def test_a_parameter_is_no_object(self, problems, train):
        train["Arguments"]["ResourceConfig"] = {"Get": "Parameters.Least"}
        (problem,) = problems()
        assert "parameter Least is Integer, and this must be an object" in problem

    def test_the_default_of_a_parameter_must_fit_where_it_is_used(self, problems, raw, train):
        raw["Parameters"].append(
            {"Name": "Instance", "Type": "String", "DefaultValue": "ml.g5.huge"}
        )
        train["Arguments"]["ResourceConfig"]["InstanceType"] = {"Get": "Parameters.Instance"}
        (problem,) = problems()
        assert "InstanceType (default of parameter Instance): SageMaker has no" in problem

    def test_emr_serverless_jobs_are_checked_too(self, problems, raw):
        raw["Steps"].append(
            {
                "Name": "Spark",
                "Type": "EMRServerless",
                "Arguments": {
                    "ExecutionRoleArn": "arn:aws:iam::111122223333:role/a",
                    "JobConfig": {
                        "executionRoleArn": "arn:aws:iam::111122223333:role/a",
                        "jobDrivr": {},
                    },
                },
            }
        )
        assert problems() == [
            "Steps.Spark.Arguments.JobConfig: there is no member 'jobDrivr'. "
            "Did you mean 'jobDriver'?",
            "Steps.Spark.Arguments: give one of ApplicationId and ApplicationConfig, "
            "not both or neither.",
        ]

    def test_a_botocore_without_the_operation_is_named(self, raw):
        definition = parse_definition(json.dumps(raw).encode())
        said = [str(problem) for problem in validate(definition, NoShapes())]
        assert (
            "Steps.Prepare.Arguments: the installed botocore does not know CreateProcessingJob. "
            "Install a newer boto3."
        ) in said


class NoShapes:
    def input_of(self, *_):
        return None

    output_of = shape = input_of


class TestStructure:
    def test_names_are_unique_across_branches(self, problems, raw, prepare):
        raw["Steps"].append({**deepcopy(prepare), "Name": "Failed"})
        assert problems() == [
            "Steps: 2 steps are called 'Failed'. "
            "Names are unique in the whole definition, branches included."
        ]

    @pytest.mark.parametrize("name", ["", "a b", "a.b", "a" * 65, "é"])
    def test_a_step_name_is_letters_digits_hyphens_and_underscores(self, problems, raw, gate, name):
        raw["Steps"] = [{**gate["Arguments"]["ElseSteps"][0], "Name": name}]
        assert problems() == [
            f"Steps.{name}.Name: {name!r} is not a step name. "
            "Use 1 to 64 letters, digits, hyphens and underscores."
        ]

    def test_an_unknown_step_type_has_a_suggestion(self, problems, prepare):
        prepare["Type"] = "Procesing"
        assert problems()[0] == (
            "Steps.Prepare.Type: there is no step type 'Procesing'. Did you mean 'Processing'?"
        )

    def test_a_definition_without_steps_is_no_definition(self, problems, raw):
        raw["Steps"] = []
        assert problems() == ["Steps: there are no steps. Give at least one."]

    def test_a_definition_has_at_most_200_parameters(self, problems, raw):
        raw["Parameters"] += [{"Name": f"P{n}", "Type": "String"} for n in range(200)]
        assert problems() == ["Parameters: there are 201 parameters. At most 200 are allowed."]

    def test_a_description_and_a_display_name_have_their_limits(self, problems, train):
        train["Description"], train["DisplayName"] = "x" * 3073, "x" * 257
        assert problems() == [
            "Steps.Train.Description: it has 3073 characters. At most 3072 are allowed.",
            "Steps.Train.DisplayName: it has 257 characters. At most 256 are allowed.",
        ]

    def test_a_definition_has_at_most_a_million_characters(self, problems, raw):
        raw["Metadata"] = {"note": "a" * 1_100_000}
        (problem,) = problems()
        assert problem.endswith("characters. At most 1048576 are allowed.")

    @pytest.mark.parametrize(
        ("parameter", "said"),
        [
            (
                {"Type": "Integer", "DefaultValue": 1.5},
                "the default is a number, 1.5. The type is Integer.",
            ),
            (
                {"Type": "Integer", "DefaultValue": True},
                "the default is a boolean, True. The type is Integer.",
            ),
            (
                {"Type": "String", "DefaultValue": 1},
                "the default is a number, 1. The type is String.",
            ),
            (
                {"Type": "Boolean", "DefaultValue": "true"},
                "the default is text, 'true'. The type is Boolean.",
            ),
            (
                {"Type": "String", "DefaultValue": "c", "EnumValues": ["a", "b"]},
                "the default 'c' is not one of the EnumValues. Use one of a, b.",
            ),
            (
                {"Type": "String", "EnumValues": [str(n) for n in range(17)]},
                "there are 17 EnumValues. At most 16 are allowed.",
            ),
            (
                {"Type": "Float", "EnumValues": ["a"]},
                "EnumValues do not go with Float. Make it a String.",
            ),
            (
                {"Type": "String", "DefaultValue": "a" * 1025},
                "the default has 1025 characters. At most 1024 are allowed.",
            ),
        ],
    )
    def test_a_parameter_is_declared_soundly(self, problems, raw, parameter, said):
        raw["Parameters"].append({"Name": "P", **parameter})
        assert problems() == [f"Parameters.P: {said}"]

    def test_a_parameter_name_is_letters_digits_hyphens_and_underscores(self, problems, raw):
        raw["Parameters"].append({"Name": "a b", "Type": "String"})
        assert problems() == [
            "Parameters.a b: 'a b' is not a parameter name. "
            "Use 1 to 256 letters, digits, hyphens and underscores."
        ]

    def test_a_fail_step_has_a_message_and_nothing_else(self, problems, gate):
        gate["Arguments"]["ElseSteps"][0]["Arguments"] = {"Message": "Too few rows"}
        assert problems() == [
            "Steps.Failed.Arguments: ErrorMessage is missing.",
            "Steps.Failed.Arguments: there is no member 'Message'. Did you mean 'ErrorMessage'?",
        ]

    def test_two_parameters_cannot_share_a_name(self, problems, raw):
        raw["Parameters"] *= 2
        assert "2 parameters are called 'Least'" in problems()[0]

    def test_a_cache_needs_a_duration(self, problems, prepare):
        prepare["CacheConfig"] = {"Enabled": True, "ExpireAfter": "1 week"}
        assert problems() == [
            "Steps.Prepare.CacheConfig.ExpireAfter: '1 week' is not a duration. "
            "Write an ISO 8601 duration such as P30D or PT12H."
        ]

    def test_a_condition_has_no_cache(self, problems, gate):
        gate["CacheConfig"] = {"Enabled": True}
        assert problems() == [
            "Steps.Gate.CacheConfig: a Condition step has no cache. Leave CacheConfig out."
        ]

    @pytest.mark.parametrize(
        ("policy", "said"),
        [
            ({"ExceptionType": ["Step.THROTTLING"]}, "give one of MaxAttempts and ExpireAfterMin"),
            (
                {"ExceptionType": ["Oops"], "MaxAttempts": 1},
                "this step type is not retried after 'Oops'",
            ),
            ({"ExceptionType": [], "MaxAttempts": 1}, "ExceptionType is empty"),
            (
                {"ExceptionType": ["Step.THROTTLING"], "MaxAttempts": 21},
                "the value is 21. Use 1 to 20.",
            ),
            ({"ExceptionType": ["Step.THROTTLING"], "ExpireAfterMin": 14401}, "Use 1 to 14400."),
            (
                {"ExceptionType": ["Step.THROTTLING"], "MaxAttempts": 1, "BackoffRate": -1},
                "the value is -1. Use 0 or more.",
            ),
        ],
    )
    def test_a_retry_policy_is_within_what_the_service_does(self, problems, prepare, policy, said):
        prepare["RetryPolicies"] = [policy]
        (problem,) = problems()
        assert problem.startswith("Steps.Prepare.RetryPolicies[0]")
        assert said in problem

    def test_job_faults_are_not_retried_when_a_model_is_registered(self, problems, raw):
        raw["Steps"].append(
            {
                "Name": "Register",
                "Type": "RegisterModel",
                "Arguments": {"ModelPackageGroupName": "support"},
                "RetryPolicies": [
                    {"ExceptionType": ["SageMaker.CAPACITY_ERROR"], "MaxAttempts": 2}
                ],
            }
        )
        (problem,) = problems()
        assert "this step type is not retried after 'SageMaker.CAPACITY_ERROR'" in problem

    def test_a_property_file_lies_in_an_output_of_its_step(self, problems, prepare):
        prepare["PropertyFiles"][0]["OutputName"] = "metrics"
        assert problems() == [
            "Steps.Prepare.PropertyFiles: file 'Metrics' is in output 'metrics', which is not "
            "there. The outputs are data."
        ]

    def test_only_processing_has_property_files(self, problems, train, prepare):
        train["PropertyFiles"] = prepare["PropertyFiles"]
        assert problems() == [
            "Steps.Train.PropertyFiles: only Processing steps have property files, not Training. "
            "Read the file with an S3Uri instead."
        ]

    @pytest.mark.parametrize(
        ("conditions", "said"),
        [
            ([], "Conditions: there are no conditions"),
            ([1], "Conditions[0]: a number is not a condition"),
            ([{"Type": "Near"}], "Conditions[0]: there is no condition type 'Near'"),
            ([{"Type": "Equals", "LeftValue": 1}], "Conditions[0]: RightValue is missing"),
            ([{"Type": "Not"}], "Conditions[0]: Condition is missing"),
            ([{"Type": "Not", "Condition": {"Type": "In", "Values": []}}], "QueryValue is missing"),
            (
                [{"Type": "Or", "Conditions": []}],
                "Conditions[0].Conditions: there are no conditions",
            ),
        ],
    )
    def test_a_condition_is_complete(self, problems, gate, conditions, said):
        gate["Arguments"]["Conditions"] = conditions
        (problem,) = problems()
        assert said in problem

    def test_a_lambda_step_names_its_function(self, problems, raw):
        raw["Steps"].append({"Name": "Call", "Type": "Lambda", "Arguments": {}})
        assert problems() == ["Steps.Call: FunctionArn is missing."]

    def test_a_lambda_step_has_at_most_50_outputs(self, problems, raw):
        outputs = [{"OutputName": f"o{n}", "OutputType": "String"} for n in range(51)]
        raw["Steps"].append(
            {
                "Name": "Call",
                "Type": "Lambda",
                "Arguments": {},
                "FunctionArn": "arn",
                "OutputParameters": outputs,
            }
        )
        assert problems() == [
            "Steps.Call.OutputParameters: there are 51 outputs. At most 50 are allowed."
        ]

    def test_a_dependency_waits_for_an_outcome_that_exists(self, problems, raw, prepare):
        waits = [{"Step": "Prepare", "Trigger": "Broken"}]
        raw["Steps"].append({**deepcopy(prepare), "Name": "After", "DependsOn": waits})
        assert problems() == [
            "Steps.After.DependsOn: 'Prepare' has no trigger 'Broken'. "
            "Use one of Completed, Failed, Stopped, Any."
        ]


class TestReferences:
    @pytest.mark.parametrize(
        ("path", "said"),
        [
            ("Parameters.Leest", "there is no parameter 'Leest'. Did you mean 'Least'?"),
            ("Execution.Id", "there is no execution variable 'Id'."),
            ("Steps.Prepar.ProcessingJobArn", "there is no step 'Prepar'. Did you mean 'Prepare'?"),
            ("Steps.Prepare", "it names a step but nothing of it."),
            ("Steps.Prepare.ProcessingJobAr", "a Processing step has no result 'ProcessingJobAr'."),
            ("Steps.Prepare.ProcessingResources.Cluster", "ProcessingResources has no 'Cluster'."),
            ("Steps.Prepare.ProcessingResources", "it ends at an object. Go on to one value."),
            (DATA.replace("'data'", "'date'"), "step 'Prepare' has no output 'date'."),
            ("Steps.Prepare.PropertyFiles.Metric", "declares no property file 'Metric'."),
            ("Secrets.a", "'Secrets' is not something to get."),
            ("Parameters..a", "cannot read this path at '..a'."),
        ],
    )
    def test_a_reference_leads_to_a_value(self, problems, train, path, said):
        train["Arguments"]["Environment"] = {"X": {"Get": path}}
        (problem,) = problems()
        assert problem.startswith("Steps.Train.Arguments")
        assert said in problem

    @pytest.mark.parametrize(
        "path",
        [
            DATA,
            "Steps.Prepare.ProcessingJobArn",
            "Steps.Prepare.ProcessingResources.ClusterConfig.InstanceType",
            "Steps.Prepare.Environment['KEY']",
            "Steps.Prepare.AppSpecification.ContainerArguments[0]",
            "Steps.Gate.Outcome",
            "Execution.PipelineExecutionId",
            "ForEach.CurrentItem.name",
        ],
    )
    def test_a_path_that_describe_answers_is_sound(self, problems, train, path):
        train["Arguments"]["Environment"] = {"X": {"Get": path}}
        assert problems() == []

    def test_outputs_of_a_lambda_must_be_declared(self, problems, raw, train):
        raw["Steps"].append(
            {
                "Name": "Call",
                "Type": "Lambda",
                "Arguments": {},
                "FunctionArn": "arn",
                "OutputParameters": [{"OutputName": "answer", "OutputType": "String"}],
            }
        )
        train["Arguments"]["Environment"] = {"X": {"Get": "Steps.Call.OutputParameters['answer']"}}
        assert problems() == []
        train["Arguments"]["Environment"] = {"X": {"Get": "Steps.Call.OutputParameters['anser']"}}
        (problem,) = problems()
        assert "step 'Call' declares no output 'anser'. Did you mean 'answer'?" in problem

    def test_nothing_outside_a_branch_reads_what_lies_in_it(self, problems, prepare):
        prepare["Arguments"]["Environment"] = {"X": {"Get": "Steps.Train.TrainingJobArn"}}
        assert (
            "step 'Train' is nested in IfSteps of 'Gate', and step 'Prepare' is not. "
            "Nest both in the same branch."
        ) in problems()[0]

    def test_nothing_can_be_read_of_a_fail_step(self, problems, raw):
        failed = {"Name": "No", "Type": "Fail", "Arguments": {"ErrorMessage": "no"}}
        reader = {"Name": "Call", "Type": "Lambda", "FunctionArn": "arn"}
        reader["Arguments"] = {"why": {"Get": "Steps.No.ErrorMessage"}}
        raw["Steps"] += [failed, reader]
        (problem,) = problems()
        assert "a Fail step has no result 'ErrorMessage'. There are none." in problem

    def test_one_branch_does_not_read_the_other(self, problems, gate):
        failed = gate["Arguments"]["ElseSteps"][0]
        failed["Arguments"]["ErrorMessage"] = {"Get": "Steps.Train.TrainingJobArn"}
        (problem,) = problems()
        assert "step 'Train' is nested in IfSteps of 'Gate'" in problem

    def test_no_step_depends_on_a_condition(self, problems, raw, prepare):
        raw["Steps"].append({**deepcopy(prepare), "Name": "After", "DependsOn": ["Gate"]})
        assert problems() == [
            "Steps.After.DependsOn: SageMaker refuses a step that depends on a Condition step, "
            "'Gate'. Nest this step in its IfSteps or ElseSteps."
        ]

    def test_a_malformed_join_is_found(self, problems, train):
        train["Arguments"]["Environment"] = {"X": {"Std:Join": {"Values": ["a"]}}}
        (problem,) = problems()
        assert "a Std:Join needs On, a text, and Values, a list" in problem

    def test_a_join_joins_text_and_numbers_only(self, problems, train):
        train["Arguments"]["Environment"] = {"X": {"Std:Join": {"On": "", "Values": [[]]}}}
        (problem,) = problems()
        assert "cannot join a list. Join text, numbers and booleans." in problem

    def test_a_name_in_a_list_of_values_is_followed(self, problems, train):
        path = "Steps.Prepare.AppSpecification.ContainerArguments[0].Text"
        train["Arguments"]["Environment"] = {"X": {"Get": path}}
        (problem,) = problems()
        assert "has no 'Text'" in problem

    def test_a_json_get_needs_a_source(self, problems, gate):
        gate["Arguments"]["Conditions"][0]["LeftValue"] = {"Std:JsonGet": {"Path": "a"}}
        (problem,) = problems()
        assert "cannot tell what to read from None" in problem


class TestCycles:
    def test_steps_that_wait_for_each_other_are_named_in_a_circle(self, problems, raw, prepare):
        other = {**deepcopy(prepare), "Name": "Other", "DependsOn": ["Prepare"]}
        prepare["DependsOn"] = ["Other"]
        raw["Steps"].append(other)
        assert problems() == [
            "Steps.Other: these steps wait for each other: Other -> Prepare -> Other."
        ]

    def test_a_step_does_not_wait_for_itself(self, problems, prepare):
        prepare["DependsOn"] = ["Prepare"]
        assert problems() == ["Steps.Prepare.DependsOn: a step cannot read or wait for itself."]

    def test_a_condition_does_not_wait_for_what_it_decides(self, problems, gate):
        gate["Arguments"]["Conditions"][0]["RightValue"] = {
            "Get": "Steps.Train.BillableTimeInSeconds"
        }
        assert (
            problems()[-1] == "Steps.Gate: these steps wait for each other: Gate -> Train -> Gate."
        )

    def test_each_circle_is_reported_once(self, problems, raw, prepare):
        for name, other in (("A", "B"), ("B", "A"), ("C", "D"), ("D", "C")):
            raw["Steps"].append({**deepcopy(prepare), "Name": name, "DependsOn": [other]})
        assert [problem.split(":")[0] for problem in problems()] == ["Steps.A", "Steps.C"]


class TestTraps:
    @pytest.mark.parametrize(
        ("path", "said"),
        [
            ({"LocalPath": "/opt/ml/input"}, "'/opt/ml/input' lies elsewhere. Put it under"),
            ({"LocalPath": "/opt/ml/processing2"}, "'/opt/ml/processing2' lies elsewhere."),
            ({}, "it is missing. Name a folder under /opt/ml/processing/."),
        ],
    )
    def test_processing_reads_under_its_own_folder(self, problems, prepare, path, said):
        source = {"S3Uri": "s3://acme/raw", "S3DataType": "S3Prefix", **path}
        prepare["Arguments"]["ProcessingInputs"] = [{"InputName": "raw", "S3Input": source}]
        (problem,) = problems()
        assert problem.startswith(
            "Steps.Prepare.Arguments.ProcessingInputs[0].S3Input.LocalPath: " + said
        )
        source["LocalPath"] = "/opt/ml/processing/input/raw"
        assert problems() == []

    def test_an_instance_with_local_storage_takes_no_volume_key(self, problems, train):
        train["Arguments"]["ResourceConfig"]["VolumeKmsKeyId"] = "key"
        assert problems() == [
            "Steps.Train.Arguments.ResourceConfig.VolumeKmsKeyId: ml.g5.2xlarge has local "
            "storage, which takes no key. Leave it out: that storage is encrypted by the instance."
        ]
        train["Arguments"]["ResourceConfig"]["InstanceType"] = "ml.m5.xlarge"
        assert problems() == []

    def test_spot_training_says_how_long_it_waits(self, problems, train):
        train["Arguments"]["EnableManagedSpotTraining"] = True
        assert "MaxWaitTimeInSeconds: it is missing." in problems()[0]
        train["Arguments"]["StoppingCondition"]["MaxWaitTimeInSeconds"] = 60
        assert "60 is less than MaxRuntimeInSeconds, 3600" in problems()[0]
        train["Arguments"]["StoppingCondition"]["MaxWaitTimeInSeconds"] = 3600
        assert problems() == []

    def test_waiting_is_only_for_spot_training(self, problems, train):
        train["Arguments"]["StoppingCondition"]["MaxWaitTimeInSeconds"] = 7200
        assert "it is only for spot training" in problems()[0]

    def test_preferred_instances_exclude_spot_and_one_type(self, problems, train):
        train["Arguments"]["EnableManagedSpotTraining"] = True
        train["Arguments"]["StoppingCondition"]["MaxWaitTimeInSeconds"] = 3600
        train["Arguments"]["ResourceConfig"]["InstancePreferences"] = [
            {"InstanceType": "ml.g5.2xlarge"}
        ]
        assert problems() == [
            "Steps.Train.Arguments.ResourceConfig.InstancePreferences: it excludes InstanceType, "
            "EnableManagedSpotTraining. Give one or the other."
        ]

    def test_an_emr_step_runs_on_one_cluster(self, problems, raw):
        jar = {"HadoopJarStep": {"Jar": "command-runner.jar"}}
        raw["Steps"].append({"Name": "Spark", "Type": "EMR", "Arguments": {"StepConfig": jar}})
        assert problems() == [
            "Steps.Spark.Arguments: give one of ClusterId and ClusterConfig, not both or neither."
        ]

    def test_a_training_job_has_an_image_or_an_algorithm(self, problems, train):
        del train["Arguments"]["AlgorithmSpecification"]["TrainingImage"]
        assert "give one of TrainingImage and AlgorithmName" in problems()[0]
