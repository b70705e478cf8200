//! One workflow's life: it starts, goes through its agents' phases, retries at times, and completes or fails.

use std::sync::Arc;

use crate::generate::shape::Json;
use crate::generate::words::{EXCEPTIONS, FOLDERS, STEMS, WORDS, WORKFLOW_TYPES, WorkflowType};
use crate::generate::{Generator, Target};
use crate::record::Level;

/// What a phase does, one after the other.
const STEPS: usize = 4;
const RETRIES: f64 = 0.08;
/// Agents that write code.
const WRITERS: [&str; 3] = ["test_writer", "coder", "feature_coder"];

/// A workflow at work.
#[derive(Debug)]
pub(super) struct Workflow {
    id: Arc<str>,
    session: String,
    kind: &'static WorkflowType,
    started: i64,
    /// Steps done, of all phases.
    step: usize,
    /// The step at which it fails, if it does.
    fails_at: Option<usize>,
    orchestrator: Arc<str>,
    log: Arc<str>,
    agents: Arc<str>,
    validation: Arc<str>,
}

impl std::fmt::Debug for WorkflowType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Workflow {
    /// Starts one of the types, in a session with a folder of its own.
    pub(super) fn start(generator: &mut Generator) -> Workflow {
        let random = &mut generator.random;
        let kind = &WORKFLOW_TYPES[random.weighted(WORKFLOW_TYPES.iter().map(|kind| kind.weight))];
        let id: Arc<str> = format!("wf-{:08x}", random.next() as u32).into();
        let steps = kind.agents.len() * STEPS;
        let fails_at = random.chance(kind.failures / 100.0).then(|| random.below(steps as u64) as usize);
        generator.sessions += 1;
        let session = format!("session_{}", 1_751_400_000 + generator.sessions);
        let stamp = generator.local.seconds(generator.time).replace(['-', ':'], "").replace(' ', "_");
        let folder = format!("logs/demo_{session}_{stamp}");
        let file = |name: &str| Arc::from(format!("{folder}/{name}"));
        let workflow = Workflow {
            id,
            session,
            kind,
            started: generator.time,
            step: 0,
            fails_at,
            orchestrator: Arc::from("logs/orchestrator.log"),
            log: file("workflow.log"),
            agents: file("agents.log"),
            validation: file("validation.log"),
        };
        generator.truth.workflows.entry(kind.name).or_default().started += 1;
        workflow.event(generator, Level::Info, "workflow_started", "");
        let banner = format!("===== WORKFLOW EXECUTION STARTED =====\n  type: {}\n  id: {}\n", kind.name, workflow.id);
        let to = Target { workflow_id: Some(&workflow.id), ..workflow.to_log() };
        generator.text(&to, Level::Info, "🚀 Starting workflow", &banner);
        workflow
    }

    /// Does one step; `false` when the workflow has ended.
    pub(super) fn advance(&mut self, generator: &mut Generator) -> bool {
        if self.fails_at == Some(self.step) {
            self.fail(generator);
            return false;
        }
        let Some(agent) = self.kind.agents.get(self.step / STEPS).copied() else {
            self.complete(generator);
            return false;
        };
        match self.step % STEPS {
            0 => self.begin_phase(generator, agent),
            1 => self.interact(generator, agent),
            2 => self.measure(generator, agent),
            _ => self.end_phase(generator, agent),
        }
        if generator.random.chance(RETRIES) {
            self.retry(generator, agent);
        }
        self.step += 1;
        true
    }

    fn to_log(&self) -> Target<'_> {
        Target { file: &self.log, logger: "workflow_manager", workflow_id: None }
    }

    /// A workflow event in the orchestrator's log. `data` are more members of `event_data`, each with a comma before.
    fn event(&self, generator: &mut Generator, level: Level, event: &str, data: &str) {
        let context = format!("\"workflow_id\": \"{}\", \"session_id\": \"{}\"", self.id, self.session);
        let kind = self.kind.name;
        let extra = format!("\"event_type\": \"{event}\", \"event_data\": {{\"workflow_type\": \"{kind}\"{data}}}");
        let message = format!("Workflow event: {event}");
        let to = Target { file: &self.orchestrator, logger: "orchestrator.workflow", workflow_id: Some(&self.id) };
        let parts =
            Json { message: &message, function: "log_workflow_event", context: &context, extra: &extra, logger: "" };
        generator.json(&to, level, parts);
    }

    fn begin_phase(&self, generator: &mut Generator, agent: &str) {
        self.event(generator, Level::Info, "phase_started", &format!(", \"phase\": \"{agent}\""));
        generator.text(&self.to_log(), Level::Debug, &format!("🎯 Workflow type (enum): {}", self.kind.name), "");
        generator.text(&self.to_log(), Level::Info, &format!("🤖 Phase {agent}: started for {}", self.session), "");
    }

    fn interact(&self, generator: &mut Generator, agent: &str) {
        let random = &mut generator.random;
        let (word, other, stem) = (random.pick(&WORDS), random.pick(&WORDS), random.pick(&STEMS));
        let folder = random.pick(&FOLDERS);
        let context = format!("\"workflow_id\": \"{}\", \"agent_name\": \"{agent}\", \"phase\": \"{agent}\"", self.id);
        let extra = format!(
            "\"interaction_type\": \"completion\", \"input_preview\": \"Write the {word} of {folder}/{stem}.py\\nKeep \
             the {other} as it is.\", \"output_preview\": \"# {stem}\\ndef {word}_{stem}():\\n    return None\", \
             \"duration_ms\": {:.3}",
            random.duration_ms()
        );
        let to = Target { file: &self.agents, logger: "orchestrator.agents", workflow_id: Some(&self.id) };
        let message = "Agent interaction: completion";
        let parts = Json { message, function: "log_agent_interaction", context: &context, extra: &extra, logger: "" };
        generator.json(&to, Level::Info, parts);
    }

    fn measure(&self, generator: &mut Generator, agent: &str) {
        let duration = generator.random.duration_ms();
        let context = format!("\"workflow_id\": \"{}\", \"agent_name\": \"{agent}\"", self.id);
        let extra = format!(
            "\"metric_type\": \"performance\", \"operation\": \"{agent}_execution\", \"duration_ms\": {duration:.3}, \
             \"success\": true, \"metadata\": {{}}"
        );
        let to = Target { file: &self.orchestrator, logger: "orchestrator.performance", workflow_id: Some(&self.id) };
        let message = format!("Performance: {agent}_execution");
        let parts =
            Json { message: &message, function: "log_performance", context: &context, extra: &extra, logger: "" };
        generator.json(&to, Level::Info, parts);
        let said = format!("⏱️ {agent} took {:.1}s - {} files", duration / 1000.0, generator.random.below(9));
        generator.text(&self.to_log(), Level::Info, &said, "");
    }

    fn end_phase(&self, generator: &mut Generator, agent: &str) {
        let mut data = format!(", \"phase\": \"{agent}\"");
        if WRITERS.contains(&agent) {
            // Not random: other lines stay what they are.
            let lines = 20 + self.step as u64 * 7 + self.id.bytes().map(u64::from).sum::<u64>() % 200;
            generator.truth.workflows.entry(self.kind.name).or_default().lines_of_code += lines;
            data.push_str(&format!(", \"lines_of_code\": {lines}"));
        }
        self.event(generator, Level::Info, "phase_completed", &data);
    }

    fn retry(&self, generator: &mut Generator, agent: &str) {
        generator.truth.workflows.entry(self.kind.name).or_default().retries += 1;
        let (name, said) = generator.random.pick(&EXCEPTIONS);
        let attempt = generator.random.below(3) + 1;
        let data = format!(", \"phase\": \"{agent}\", \"attempt\": {attempt}, \"error\": \"{name}\"");
        self.event(generator, Level::Warning, "retry", &data);
        let message = format!("🔁 Retrying {agent} (attempt {attempt}/3): {said}");
        generator.text(&self.to_log(), Level::Warning, &message, "");
    }

    /// `, "duration_seconds": …`
    fn duration(&self, generator: &Generator) -> String {
        format!(", \"duration_seconds\": {:.1}", (generator.time - self.started) as f64 / 1e9)
    }

    fn complete(&self, generator: &mut Generator) {
        generator.truth.workflows.entry(self.kind.name).or_default().completed += 1;
        self.event(generator, Level::Info, "workflow_completed", &self.duration(generator));
        generator.text(&self.to_log(), Level::Info, &format!("✅ Workflow {} completed", self.kind.name), "");
        let run = format!("Test Run: {}", generator.local.seconds(generator.time));
        let passed = format!("- {} checks passed, none failed", generator.random.below(40) + 1);
        for line in [&run, &"=".repeat(60), "## Validation", &passed, "The generated code **meets** the requirements."]
        {
            generator.prose(&self.validation, line);
        }
    }

    fn fail(&self, generator: &mut Generator) {
        generator.truth.workflows.entry(self.kind.name).or_default().failed += 1;
        let (name, said) = generator.random.pick(&EXCEPTIONS);
        let data = format!("{}, \"error\": \"{name}: {said}\"", self.duration(generator));
        self.event(generator, Level::Error, "workflow_failed", &data);
        let traceback = format!(
            "Traceback (most recent call last):\n  File \"workflows/workflow_manager.py\", line 182, in \
             execute_workflow\n    result = await team.run(request)\n{name}: {said}\n"
        );
        let message = format!("Error executing workflow for session {}: {said}", self.session);
        generator.text(&self.to_log(), Level::Error, &message, &traceback);
    }
}
