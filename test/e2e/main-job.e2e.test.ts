/** The main job through the real SDK over HTTP: the page's example, whole or nothing, once, and bad input. */
import { afterEach, describe, expect, test } from 'vitest';
import type { Settings } from '../../src/core/settings.ts';
import { openHeadNode, resource, until, type HeadNode } from '../support/head-node.ts';

const fleet: Settings['queues'] = [
  {
    name: 'queue1',
    capacityType: 'on-demand',
    computeResources: [
      resource('c5xlarge', 'c5.xlarge', 2000),
      resource('t2micro', 't2.micro', 10),
    ],
  },
  {
    name: 'queue2',
    capacityType: 'on-demand',
    computeResources: [resource('c5xlarge', 'm5.xlarge', 10)],
  },
];
const page = 'queue1-dy-c5xlarge-[1-5],queue1-dy-t2micro-2,queue2-dy-c5xlarge-[1-3]';

let head: HeadNode;

async function open(settings: Partial<Settings> = {}): Promise<HeadNode> {
  head = await openHeadNode({ queues: fleet, ...settings });
  return head;
}

function job(
  id: number,
  nodes: string,
): { job_id: number; nodes_resume: string; nodes_alloc: string } {
  return { job_id: id, nodes_resume: nodes, nodes_alloc: nodes };
}

function launchCalls(): Readonly<Record<string, number>> {
  return head.sim.model.stats().calls.RunInstances ?? {};
}

afterEach(async () => {
  await head.close();
});

describe("the page's workflow example, max_batch_size = 4", () => {
  const nodeList: Partial<Settings> = { mode: 'node-list', maxBatchSize: 4 };

  test('makes exactly four launches', async () => {
    await open({ ...nodeList, allOrNothingBatch: true });
    const verdict = await head.resume(page, null);
    expect(verdict.given).toHaveLength(9);
    expect(launchCalls()).toEqual({ ok: 4 });
    const batches = [...head.sim.model.instances()].map(({ tags }) => tags['muster:gang']);
    expect(new Set(batches).size).toBe(4);
  });

  test('soft, with room for one in queue2: its first node gets it, the others are marked down', async () => {
    await open({ ...nodeList, allOrNothingBatch: false });
    head.sim.model.setCapacity('m5.xlarge', 'us-east-2b', 1);
    const verdict = await head.resume(page, null);
    expect(verdict.failed).toEqual(['queue2-dy-c5xlarge-2', 'queue2-dy-c5xlarge-3']);
    expect(head.slurm.assigned.has('queue2-dy-c5xlarge-1')).toBe(true);
    expect(head.alive()).toBe(7);
    await until(() => head.slurm.poweredDown.size === 2);
    expect(head.slurm.down.get('queue2-dy-c5xlarge-2')).toMatch(
      /^\(Code:LimitedInstanceCapacity\)/,
    );
  });

  test('firm, with room for one in queue2: none of the three is launched, the other six are', async () => {
    await open({ ...nodeList, allOrNothingBatch: true });
    head.sim.model.setCapacity('m5.xlarge', 'us-east-2b', 1);
    const verdict = await head.resume(page, null);
    expect(verdict.failed).toEqual([1, 2, 3].map((n) => `queue2-dy-c5xlarge-${n}`));
    expect(head.sim.model.stats().launched).toBe(6);
    expect(head.slurm.down.get('queue2-dy-c5xlarge-1')).toMatch(
      /^\(Code:InsufficientInstanceCapacity\)Failure when resuming nodes: We currently do not have sufficient m5.xlarge capacity/,
    );
  });

  test("the page's misprint is an error for those three; the others are launched", async () => {
    await open({ ...nodeList, allOrNothingBatch: true });
    const verdict = await head.resume(
      page.replace('queue2-dy-c5xlarge-', 'queue2-dy-c5xlarge'),
      null,
    );
    expect(verdict.given).toHaveLength(6);
    expect(verdict.failed).toEqual([1, 2, 3].map((n) => `queue2-dy-c5xlarge${n}`));
    await until(() => head.slurm.down.size === 3);
    expect(head.slurm.down.get('queue2-dy-c5xlarge1')).toMatch(
      /^\(Code:InvalidNodenameError\).*was queue2-dy-c5xlarge-1 meant/,
    );
  });
});

describe('whole or nothing', () => {
  test('a job over two compute resources with room in one only keeps nothing, and no node is given', async () => {
    await open();
    head.sim.model.setCapacity('t2.micro', 'us-east-2b', 0);
    const nodes = 'queue1-dy-c5xlarge-[1-4],queue1-dy-t2micro-1';
    const verdict = await head.resume(nodes, { jobs: [job(1, nodes)] });
    expect(verdict.given).toEqual([]);
    await until(() => head.alive() === 0);
    expect(head.slurm.assigned.size).toBe(0);
    expect(head.registry().size).toBe(0);
    expect(head.slurm.poweredDown.size).toBe(5);
  });

  test('a job wider than one call is rolled back over its calls', async () => {
    await open();
    head.sim.model.setCapacity('c5.xlarge', 'us-east-2b', 1100);
    const nodes = 'queue1-dy-c5xlarge-[1-1200]';
    const verdict = await head.resume(nodes, { jobs: [job(1, nodes)] });
    expect(verdict.failed).toHaveLength(1200);
    await until(() => head.alive() === 0);
    expect(head.slurm.assigned.size).toBe(0);
  });

  test('instances learn their names only after Slurm knows their addresses, each its own', async () => {
    await open();
    const nodes = 'queue1-dy-c5xlarge-[1-40]';
    await head.resume(nodes, { jobs: [job(1, nodes)] });
    const byId = new Map(
      [...head.sim.model.instances()].map((instance) => [instance.id, instance]),
    );
    const registry = head.registry();
    expect(registry.size).toBe(40);
    for (const [instanceId, node] of registry) {
      const address = head.slurm.assigned.get(node);
      expect(address?.address).toBe(byId.get(instanceId)?.privateIp);
      expect(byId.get(instanceId)?.privateDnsName).toContain(address?.hostname);
    }
  });

  test('jobs are apart: one too large fails, the others of the call run', async () => {
    await open();
    head.sim.model.setCapacity('c5.xlarge', 'us-east-2b', 20);
    const verdict = await head.resume('queue1-dy-c5xlarge-[1-62]', {
      jobs: [
        job(1, 'queue1-dy-c5xlarge-[1-50]'),
        job(2, 'queue1-dy-c5xlarge-[51-60]'),
        job(3, 'queue1-dy-c5xlarge-61'),
        job(4, 'queue1-dy-c5xlarge-62'),
      ],
    });
    expect(verdict.given).toHaveLength(12);
    expect(verdict.failed).toHaveLength(50);
    expect(head.alive()).toBe(12);
    // The refusal was asked for once: the SDK repeats nothing.
    expect(launchCalls()).toEqual({ ok: 2, InsufficientInstanceCapacity: 1 });
  });

  test('tags tell whose an instance is from its birth', async () => {
    await open();
    await head.resume('queue1-dy-c5xlarge-[1-2]', { jobs: [job(7, 'queue1-dy-c5xlarge-[1-2]')] });
    const [instance] = head.sim.model.instances();
    expect(instance?.tags).toMatchObject({
      'muster:cluster': 'test',
      'muster:queue': 'queue1',
      'muster:compute-resource': 'c5xlarge',
      'muster:job': '7',
    });
    expect(instance?.tags['muster:gang']).toMatch(/^[0-9a-f-]{36}\/0$/);
  });
});

describe('once', () => {
  const nodes = 'queue1-dy-c5xlarge-[1-30]';
  const file = { jobs: [job(1, nodes)] };

  test('the same request twice, one after the other', async () => {
    await open();
    await head.resume(nodes, file);
    const again = await head.resume(nodes, file);
    expect(again.given).toHaveLength(30);
    expect(head.sim.model.stats().launched).toBe(30);
  });

  test('two requests at once for the same nodes', async () => {
    await open();
    head.sim.model.addFault({
      kind: 'delay-answer',
      action: 'RunInstances',
      delayMs: 200,
      count: 1,
    });
    const ids = await Promise.all([
      head.spool(nodes, file),
      head.spool(nodes, { jobs: [job(2, nodes)] }),
    ]);
    const verdicts = await Promise.all(ids.map((id) => head.verdict(id)));
    expect(verdicts.map(({ given }) => given.length)).toEqual([30, 30]);
    expect(head.sim.model.stats().launched).toBe(30);
  });

  test('a launch whose answer is lost is repeated with its token', async () => {
    await open();
    head.sim.model.addFault({
      kind: 'lose-answer',
      action: 'RunInstances',
      how: 'reset',
      count: 2,
    });
    const verdict = await head.resume(nodes, file);
    expect(verdict.given).toHaveLength(30);
    expect(head.sim.model.stats().launched).toBe(30);
    expect(head.alive()).toBe(30);
  });

  test('a crash after the launch and before its answer is read', async () => {
    await open();
    head.sim.model.addFault({
      kind: 'delay-answer',
      action: 'RunInstances',
      delayMs: 2_000,
      count: 1,
    });
    const id = await head.spool(nodes, file);
    await until(() => head.sim.model.stats().launched === 30);
    await head.crash();
    const verdict = await head.verdict(id);
    expect(verdict.given).toHaveLength(30);
    expect(head.sim.model.stats().launched).toBe(30);
  });

  test('suspend terminates the instances of its nodes, and a resume after it launches new ones', async () => {
    await open();
    await head.resume(nodes, file);
    await head.spool('queue1-dy-c5xlarge-[1-10]', null, 'suspend');
    await until(() => head.alive() === 20);
    await until(() => head.registry().size === 20);
    const verdict = await head.resume(nodes, { jobs: [job(2, nodes)] });
    expect(verdict.given).toHaveLength(30);
    expect(head.alive()).toBe(30);
    expect(head.sim.model.stats().launched).toBe(40);
  });
});

describe('bad input is an error for its own nodes alone', () => {
  const good = 'queue1-dy-c5xlarge-[1-3]';
  const table: Record<string, { hostlist: string; failed: number; log: RegExp }> = {
    'a name of no form': { hostlist: `${good},login-node`, failed: 1, log: /login-node/ },
    'a queue that the fleet does not have': {
      hostlist: `${good},queue9-dy-c5xlarge-1`,
      failed: 1,
      log: /no queue queue9 \(it has: queue1, queue2\)/,
    },
    'a number above the count': {
      hostlist: `${good},queue1-dy-t2micro-11`,
      failed: 1,
      log: /queue1-dy-t2micro-11: .* has 10 dynamic nodes/,
    },
    'a malformed element': {
      hostlist: `${good},queue1-dy-c5xlarge-[4-`,
      failed: 0,
      log: /hostlist element/,
    },
    'an expansion bomb': { hostlist: `${good},n[1-999999999]`, failed: 0, log: /n\[1-999999999\]/ },
  };
  for (const [name, want] of Object.entries(table)) {
    test(name, async () => {
      await open();
      const verdict = await head.resume(want.hostlist, { jobs: [job(1, good)] });
      expect(verdict.given).toHaveLength(3);
      expect(verdict.failed).toHaveLength(want.failed);
      expect(head.logLines.join('\n')).toMatch(want.log);
    });
  }

  test('an empty hostlist launches nothing and is settled', async () => {
    await open();
    const verdict = await head.resume('', null);
    expect(verdict).toMatchObject({ given: [], failed: [] });
    expect(head.logLines.join('\n')).toMatch(/the hostlist is empty/);
  });

  test('a truncated resume file: the nodes are launched as a node list', async () => {
    await open({ allOrNothingBatch: true });
    const verdict = await head.resume(good, '{"jobs":[{"job_id":1,"nodes_res');
    expect(verdict.given).toHaveLength(3);
    expect(head.logLines.join('\n')).toMatch(/SLURM_RESUME_FILE is not whole JSON/);
  });

  test('a refused scontrol fails that job alone, and its instances end', async () => {
    await open();
    head.slurm.unknown.add('queue1-dy-c5xlarge-2');
    const verdict = await head.resume('queue1-dy-c5xlarge-[1-6]', {
      jobs: [job(1, 'queue1-dy-c5xlarge-[1-3]'), job(2, 'queue1-dy-c5xlarge-[4-6]')],
    });
    expect(verdict.given).toEqual([4, 5, 6].map((n) => `queue1-dy-c5xlarge-${n}`));
    await until(() => head.alive() === 3);
    // The nodes that Slurm does know of the failed job go back, although one of the list is refused.
    await until(() => head.slurm.poweredDown.size === 2);
    expect([...head.slurm.poweredDown].sort()).toEqual([
      'queue1-dy-c5xlarge-1',
      'queue1-dy-c5xlarge-3',
    ]);
  });
});

test("the log says what the seed's log says", async () => {
  await open({ mode: 'node-list', allOrNothingBatch: true });
  head.sim.model.setCapacity('c5.xlarge', 'us-east-2b', 106);
  await head.resume('queue1-dy-c5xlarge-[1-200]', null);
  const log = head.logLines.join('\n');
  expect(log).toMatch(/^ERROR Failed RunInstances request: [0-9a-f]{8}-[0-9a-f-]{27}$/m);
  expect(log).toMatch(
    /^ERROR Encountered exception when launching instances for nodes \(x200\) \['queue1-dy-c5xlarge-\[1-200\]'\]: An error occurred \(InsufficientInstanceCapacity\) when calling the RunInstances operation: We currently do not have sufficient c5.xlarge capacity in the Availability Zone you requested \(us-east-2b\)/m,
  );
  expect(log).toMatch(/^INFO Successfully launched nodes \(x0\) \[\]$/m);
});
