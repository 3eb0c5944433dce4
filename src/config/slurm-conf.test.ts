import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { slurmCpus } from './instance-types.ts';
import { renderSlurmNodes } from './slurm-conf.ts';
import type { SlurmConfOptions } from './slurm-conf.ts';
import { clusterYaml, createTestFiles, fixturePath, load, loaded } from './test-files.ts';
import type { TestFiles } from './test-files.ts';

let files: TestFiles;
beforeAll(() => {
  files = createTestFiles();
});
afterAll(() => {
  files.remove();
});

const programs = { resume: '/h/resume', suspend: '/h/suspend', resumeFail: '/h/resume-fail' };

function lines(cluster: string, options: Partial<SlurmConfOptions> = {}): string[] {
  const path = files.write('cluster.yaml', cluster);
  return (renderSlurmNodes(loaded(load(path)), { programs, ...options }) ?? '').split('\n');
}

function nodeLines(all: readonly string[]): string[] {
  return all.filter((line) => /^(?:NodeName|NodeSet|PartitionName)=/.test(line));
}

function suspendTime(idleMinutes: number): string | undefined {
  const settings = `  SlurmSettings: { ScaledownIdletime: ${idleMinutes} }\n  SlurmQueues:`;
  return settingsOf(lines(clusterYaml({ '  SlurmQueues:': settings })))['SuspendTime'];
}

function settingsOf(all: readonly string[]): Record<string, string> {
  const settings = all.filter((line) => /^[A-Z]\w+=/.test(line) && !nodeLines([line]).length);
  return Object.fromEntries(
    settings.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

describe("the post's cluster", () => {
  test('becomes its nodes and its partition, whole', () => {
    const config = loaded(load(fixturePath('blog-2022.yaml')));
    const text = renderSlurmNodes(config, { programs }) ?? '';
    expect(nodeLines(text.split('\n'))).toEqual([
      'NodeName=queue1-dy-queue1-c6i32xlarge-[1-200] CPUs=128 State=CLOUD Feature=dynamic,c6i.32xlarge,queue1-c6i32xlarge,efa Weight=1000',
      'NodeSet=queue1_nodes Nodes=queue1-dy-queue1-c6i32xlarge-[1-200]',
      'PartitionName=queue1 Nodes=queue1_nodes MaxTime=INFINITE State=UP Default=YES',
    ]);
    expect(text.endsWith('\n')).toBe(true);
  });

  test('gets the power saving that muster relies on, each with its reason', () => {
    const config = loaded(load(fixturePath('blog-2022.yaml')));
    const all = (renderSlurmNodes(config, { programs }) ?? '').split('\n');
    expect(settingsOf(all)).toEqual({
      ResumeProgram: '/h/resume',
      SuspendProgram: '/h/suspend',
      ResumeFailProgram: '/h/resume-fail',
      ResumeRate: '0',
      SuspendRate: '0',
      ResumeTimeout: '1800',
      SuspendTimeout: '120',
      SuspendTime: '600',
      PrivateData: 'cloud',
      SlurmctldParameters: 'idle_on_node_suspend',
      ReturnToService: '1',
    });
    expect(all.filter((line) => line.startsWith('# ')).length).toBeGreaterThan(8);
  });
});

describe('what the settings say beyond the cluster file', () => {
  function withSettings(settings: string): string[] {
    files.write('cluster.yaml', clusterYaml());
    const path = files.write('muster.yaml', `cluster_config: cluster.yaml\n${settings}\n`);
    return (renderSlurmNodes(loaded(load(path)), { programs }) ?? '').split('\n');
  }

  const timeouts: Record<string, { says: string; want: string }> = {
    'is the one that is set': { says: 'resume_timeout: 20m', want: '1200' },
    'is rounded up to whole seconds': { says: 'resume_timeout: 900500ms', want: '901' },
    'is half an hour where the times need less': { says: 'boot_time: 9m', want: '1800' },
    'is what the times need where that is more': {
      says: 'boot_time: 40m\nlaunch_patience: 10m\ndeadline_margin: 30s',
      want: '6630',
    },
  };
  test.each(Object.entries(timeouts))('ResumeTimeout %s', (_, { says, want }) => {
    expect(settingsOf(withSettings(says))['ResumeTimeout']).toBe(want);
  });

  test('ResumeTimeout that is not set is one that the settings are content with', () => {
    for (const boot of [1, 5, 12, 40, 120]) {
      const says = `boot_time: ${boot}m`;
      const seconds = settingsOf(withSettings(says))['ResumeTimeout'] ?? '';
      const path = files.write(
        'muster.yaml',
        `cluster_config: cluster.yaml\ncluster_name: d\n${says}\nresume_timeout: ${seconds}s\n`,
      );
      const result = load(path);
      loaded(result);
      expect(result.notices).toEqual([]);
    }
  });

  test('a node has the CPUs of the least of its ladder, and no type where there are several', () => {
    const all = withSettings(
      'queues: { queue1: { ladder: [{ market: spot }, { instance_type: c5.large }] } }',
    );
    expect(nodeLines(all)[0]).toBe(
      'NodeName=queue1-dy-c5xlarge-[1-8] CPUs=2 State=CLOUD Feature=dynamic,c5xlarge Weight=1000',
    );
  });

  test('a node has the type of a ladder that knows no other', () => {
    const all = withSettings(
      'queues: { queue1: { ladder: [{ instance_type: c6i.large, market: spot }, { instance_type: c6i.large }] } }',
    );
    expect(nodeLines(all)[0]).toContain(' CPUs=2 State=CLOUD Feature=dynamic,c6i.large,c5xlarge ');
  });
});

describe('nodes', () => {
  const two = `${clusterYaml({
    'MinCount: 0':
      'MinCount: 3\n          StaticNodePriority: 7\n          DynamicNodePriority: 70',
    '      Networking:': '      JobExclusiveAllocation: true\n      Networking:',
  })}        - { Name: full, InstanceType: c5.large, MinCount: 2, MaxCount: 2 }
    - Name: queue2
      Networking: { SubnetIds: [subnet-1] }
      ComputeResources:
        - { Name: t2micro, InstanceType: t2.micro, MaxCount: 1 }
        - { Name: mixed, Instances: [{ InstanceType: c5.2xlarge }, { InstanceType: c6a.xlarge }] }
`;

  test('are static and dynamic, in every queue, with the types that are certain', () => {
    expect(nodeLines(lines(two))).toEqual([
      'NodeName=queue1-st-c5xlarge-[1-3] CPUs=4 State=CLOUD Feature=static,c5.xlarge,c5xlarge Weight=7',
      'NodeName=queue1-dy-c5xlarge-[1-5] CPUs=4 State=CLOUD Feature=dynamic,c5.xlarge,c5xlarge Weight=70',
      'NodeName=queue1-st-full-[1-2] CPUs=2 State=CLOUD Feature=static,c5.large,full Weight=1',
      'NodeSet=queue1_nodes Nodes=queue1-st-c5xlarge-[1-3],queue1-dy-c5xlarge-[1-5],queue1-st-full-[1-2]',
      'PartitionName=queue1 Nodes=queue1_nodes MaxTime=INFINITE State=UP Default=YES OverSubscribe=EXCLUSIVE',
      'NodeName=queue2-dy-t2micro-[1-1] CPUs=1 State=CLOUD Feature=dynamic,t2.micro,t2micro Weight=1000',
      'NodeName=queue2-dy-mixed-[1-10] CPUs=4 State=CLOUD Feature=dynamic,mixed Weight=1000',
      'NodeSet=queue2_nodes Nodes=queue2-dy-t2micro-[1-1],queue2-dy-mixed-[1-10]',
      'PartitionName=queue2 Nodes=queue2_nodes MaxTime=INFINITE State=UP',
    ]);
  });

  test('that are static are not suspended', () => {
    expect(settingsOf(lines(two))['SuspendExcNodes']).toBe(
      'queue1-st-c5xlarge-[1-3],queue1-st-full-[1-2]',
    );
  });

  test('get ports of their own, one after the other, where asked', () => {
    const ports = lines(two, { firstPort: 20_001 }).flatMap(
      (line) => / Port=(\S+)/.exec(line)?.[1] ?? [],
    );
    expect(ports).toEqual([
      '[20001-20003]',
      '[20004-20008]',
      '[20009-20010]',
      '20011',
      '[20012-20021]',
    ]);
  });

  test('of an unknown type get the CPUs of the options', () => {
    const cpus = nodeLines(lines(two, { cpus: 6 })).flatMap(
      (line) => / CPUs=(\d+)/.exec(line)?.[1] ?? [],
    );
    expect(cpus).toEqual(['4', '4', '2', '6', '4']);
  });

  test('without multithreading have their cores as CPUs', () => {
    const text = clusterYaml({ 'MinCount: 0': 'DisableSimultaneousMultithreading: true' });
    expect(nodeLines(lines(text))[0]).toContain(' CPUs=2 ');
  });

  test('stay idle as long as the cluster file says', () => {
    expect(suspendTime(3)).toBe('180');
    expect(suspendTime(-1)).toBe('-1');
  });
});

test('without a cluster file there is nothing to render', () => {
  const config = loaded(load(fixturePath('wiki-2020.conf')));
  expect(renderSlurmNodes(config, { programs })).toBeNull();
});

describe('CPUs of an instance type', () => {
  const rows: Record<string, [number | null, number | null]> = {
    'c5.large': [2, 1],
    'c5.xlarge': [4, 2],
    'c5n.18xlarge': [72, 36],
    'c6i.32xlarge': [128, 64],
    'c6a.48xlarge': [192, 96],
    'm7i-flex.2xlarge': [8, 4],
    'r6id.16xlarge': [64, 32],
    'c6gn.16xlarge': [64, 64],
    'c7a.48xlarge': [192, 192],
    'hpc6a.48xlarge': [96, 96],
    'hpc7a.96xlarge': [192, 192],
    'c4.8xlarge': [null, null],
    't2.micro': [null, null],
    'c5.metal': [null, null],
    'p4d.24xlarge': [null, null],
  };
  test.each(Object.entries(rows))('%s', (type, [threads, cores]) => {
    expect(slurmCpus(type, true)).toBe(threads);
    expect(slurmCpus(type, false)).toBe(cores);
  });
});
