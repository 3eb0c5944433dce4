/** The log, word for word where ParallelCluster's users grep for it. */
import { describe, expect, test } from 'vitest';
import { apply } from './apply.ts';
import { countedList, narrate, type Line } from './narrate.ts';
import { createTestWorld, type DrivenWorld } from './testing/world.ts';
import type { Settings } from './settings.ts';
import { emptyState } from './state.ts';

/** A world and the log of all its turns, each told from the state that it was decided on. */
function logged(settings: Partial<Settings> = {}) {
  const one = createTestWorld(settings);
  const log = (): Line[] => {
    const state = emptyState();
    return one.turns.flatMap((turn) => {
      const lines = narrate(state, turn);
      apply(state, turn);
      return lines;
    });
  };
  const said = (level?: string): string[] =>
    log()
      .filter((line) => level === undefined || line.level === level)
      .map(({ source, message }) => `[${source}] ${message}`);
  return { one, log, said };
}

const ec2Message =
  'We currently do not have sufficient c6i.32xlarge capacity in the Availability Zone you requested (us-east-2b).';

describe('the page of the blog: a firm launch of 200 nodes that EC2 refuses', () => {
  function refused() {
    const { one, said } = logged({ mode: 'node-list', allOrNothingBatch: true });
    one.resume('queue1-dy-queue1-c6i32xlarge-[1-200]', null, { id: 'r' });
    one.refuse(one.only('RunInstances'), 'InsufficientInstanceCapacity', ec2Message);
    return said;
  }

  test('the three lines of its log', () => {
    const lines = refused()();
    expect(lines).toContain(
      '[muster.launch:run_instances] Failed RunInstances request: request-of-r/0/launch0',
    );
    expect(lines).toContain(
      `[muster.launch:add_instances_for_nodes] Encountered exception when launching instances for nodes (x200) ['queue1-dy-queue1-c6i32xlarge-[1-200]']: An error occurred (InsufficientInstanceCapacity) when calling the RunInstances operation: ${ec2Message}`,
    );
    expect(lines.at(-1)).toBe('[muster.resume:resume] Successfully launched nodes (x0) []');
  });

  test('which of them are errors', () => {
    expect(refused()('ERROR').map((line) => line.slice(0, 60))).toEqual([
      '[muster.request:read] no SLURM_RESUME_FILE: the nodes are la',
      '[muster.launch:run_instances] Failed RunInstances request: r',
      '[muster.launch:add_instances_for_nodes] Encountered exceptio',
      '[muster.resume:resume] Failed to launch following nodes, set',
    ]);
  });

  test('and what happens to the nodes, with the reason that they get', () => {
    expect(refused()()).toContain(
      `[muster.resume:handle_failed_nodes] Setting following failed nodes into DOWN state (x200) ['queue1-dy-queue1-c6i32xlarge-[1-200]'] with reason: (Code:InsufficientInstanceCapacity)Failure when resuming nodes: ${ec2Message}`,
    );
  });
});

describe('a job that is launched', () => {
  test('from the request to the nodes that are up, with its number', () => {
    const { one, said } = logged({ clusterName: 'demo' });
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]'], { id: 'r' });
    one.settle();
    expect(said()).toEqual([
      '[muster.hooks:receive] resume request r for nodes: q-dy-c-[1-2]',
      "[muster.launch:start] Launching instances for nodes (x2) ['q-dy-c-[1-2]'] (gang r/0, token r-0-0)",
      '[muster.launch:run_instances] Launching instances with run_instances API. Parameters: MinCount 2, MaxCount 2, LaunchTemplate demo-q-c $Latest, ClientToken r-0-0',
      '[muster.launch:run_instances] JobID 1 - Launched the following instances (x2) [i-0001, i-0002] (request request-of-r/0/launch0)',
      "[muster.assign:update_node_addresses] Nodes are now configured with instances (x2) ['q-dy-c-[1-2]']",
      "[muster.resume:resume] Successfully launched nodes (x2) ['q-dy-c-[1-2]']",
      "[muster.watch:nodes] Nodes have joined (x2) ['q-dy-c-[1-2]']",
    ]);
  });

  test('by instance type where there is no template', () => {
    const launch = {
      kind: 'instance-type',
      instanceType: 'c5.xlarge',
      imageId: null,
      subnetId: 'subnet-1',
      placementGroup: null,
      efa: false,
    } as const;
    const resource = { name: 'c', minCount: 0, maxCount: 9, instanceTypes: ['c5.xlarge'], launch };
    const { one, said } = logged({
      queues: [{ name: 'q', capacityType: 'on-demand', computeResources: [resource] }],
    });
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    expect(said().join()).toContain('MaxCount 1, c5.xlarge in subnet-1, ClientToken');
  });

  test('what failed is told with its job', () => {
    const { one, said } = logged();
    one.resume('q-dy-c-[1-2]', [{ job_id: 872, nodes_resume: 'q-dy-c-[1-2]' }]);
    one.refuse(
      one.only('RunInstances'),
      'VcpuLimitExceeded',
      'You have requested more vCPU capacity.',
    );
    const lines = said().filter((line) => line.includes('JobID 872 - '));
    expect(lines.map((line) => line.split(' - ')[1]?.slice(0, 30))).toEqual([
      'Failed RunInstances request: r',
      'Encountered exception when lau',
      'try 1 refused (VcpuLimitExceed',
      'Setting following failed nodes',
    ]);
  });
});

describe('the unusual', () => {
  const table = new Map<string, [(one: DrivenWorld) => void, string[], Partial<Settings>?]>([
    [
      'a lost answer has no request id, and the next try has a time',
      [
        (one) => {
          one.resume('q-dy-c-1', ['q-dy-c-1'], { id: 'r' });
          one.loseAnswer(one.only('RunInstances'), 0);
        },
        [
          '[muster.launch:run_instances] JobID 1 - Failed RunInstances request: no answer',
          '[muster.effects:defer] r/0/launch0: Timeout; next try at 2022-06-21T23:37:56.',
        ],
      ],
    ],
    [
      'a throttled launch',
      [
        (one) => {
          one.resume('q-dy-c-1', ['q-dy-c-1']);
          one.refuse(one.only('RunInstances'), 'RequestLimitExceeded');
        },
        [
          '[muster.launch:throttle] EC2 throttles RunInstances: no launch before 2022-06-21T23:37:56.',
        ],
      ],
    ],
    [
      'what a sweep found',
      [
        (one) => {
          one.resume('q-dy-c-1', ['q-dy-c-1']);
          one.loseAnswer(one.only('RunInstances'), 1);
          one.finish(one.only('SweepLaunch'));
        },
        [
          '[muster.launch:sweep] Terminated instances of a launch whose answer was lost (x1) [i-0001]',
        ],
        { launchPatienceMs: 10 },
      ],
    ],
    [
      'what was terminated and why',
      [
        (one) => {
          one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
          one.settle();
          one.suspend('q-dy-c-2');
        },
        [
          "[muster.launch:terminate] Terminating instances (x1) of nodes (x1) ['q-dy-c-2']: suspend",
        ],
      ],
    ],
    [
      'an answer that comes too late',
      [
        (one) => {
          one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
          const late = one.launchFor('q-dy-c-1');
          one.suspend('q-dy-c-1');
          one.launch(late);
        },
        ['[muster.launch:terminate] Terminating instances (x2) that nobody waits for any more'],
      ],
    ],
    [
      'scontrol that would not',
      [
        (one) => {
          one.resume('q-dy-c-1', ['q-dy-c-1'], { id: 'r' });
          one.launch(one.only('RunInstances'));
          one.fail(
            one.only('AssignNodes'),
            'scontrol could not set node addresses: no contact',
            true,
          );
        },
        ['[muster.effects:run] r/0/assign0: scontrol could not set node addresses: no contact'],
      ],
    ],
    [
      'a name that is no node',
      [
        (one) => {
          one.resume('login', []);
        },
        [
          `[muster.resume:handle_failed_nodes] Setting following failed nodes into DOWN state (x1) ['login'] with reason: (Code:InvalidNodenameError)`,
          "[muster.resume:resume] Failed to launch following nodes, setting nodes to DOWN: (x1) ['login']",
        ],
      ],
    ],
  ]);
  for (const [name, [live, want, settings]] of table) {
    test(name, () => {
      const { one, said } = logged(settings);
      live(one);
      const lines = said();
      for (const part of want) expect(lines).toContainEqual(expect.stringContaining(part));
    });
  }

  test('each failed node is told once', () => {
    const { one, said } = logged({ mode: 'node-list' });
    one.resume('q-dy-c-[1-3]', null);
    one.launch(one.only('RunInstances'), 2);
    one.fail(one.only('AssignNodes'), 'Invalid node name', false);
    one.fail(one.out('AssignNodes')[0] ?? one.only('AssignNodes'), 'Invalid node name', false);
    one.settle();
    const told = said().filter((line) => line.includes('Setting following failed nodes'));
    expect(told).toHaveLength(2);
  });

  test('a sweep that found nothing, a late answer with nothing: no line', () => {
    const { one, said } = logged({ launchPatienceMs: 10, maxBatchSize: 1 });
    one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
    const late = one.launchFor('q-dy-c-1');
    one.loseAnswer(one.launchFor('q-dy-c-2'), 0);
    one.launch(late, 0);
    one.settle();
    expect(said().filter((line) => line.includes('erminat'))).toEqual([]);
  });

  test('a transient failure is a warning, a refusal an error', () => {
    const { one, log } = logged();
    one.resume('q-dy-c-1', ['q-dy-c-1']);
    one.launch(one.only('RunInstances'));
    one.fail(one.only('AssignNodes'), 'no contact', true);
    one.advance(5_000);
    one.fail(one.only('AssignNodes'), 'refused', false);
    expect(
      log()
        .filter(({ source }) => source === 'muster.effects:run')
        .map(({ level }) => level),
    ).toEqual(['WARNING', 'ERROR']);
  });

  test('a line that nobody would read to its end is cut', () => {
    const { one, said } = logged();
    const many = Array.from({ length: 1_000 }, (_, index) => `q-dy-c${index}-1`).join(',');
    one.resume(many, []);
    expect(said()[0]?.length).toBeLessThan(1_400);
    expect(said()[0]).toContain(' ... ');
  });
});

describe("ParallelCluster's counted list", () => {
  test('of none, of one, of many', () => {
    expect(countedList([])).toBe('(x0) []');
    expect(countedList(['q-dy-c-1'])).toBe("(x1) ['q-dy-c-1']");
    expect(countedList(['q-dy-c-1', 'q-dy-c-2', 'q-dy-d-1'])).toBe(
      "(x3) ['q-dy-c-[1-2],q-dy-d-1']",
    );
  });
});
