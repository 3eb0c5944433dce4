import { describe, expect, test } from 'vitest';

import { emptyFindings, formatProblem, sourceText } from './problem.ts';
import { readResumeConf } from './resume-conf.ts';
import { fixture } from './test-files.ts';

function read(text: string) {
  const findings = emptyFindings();
  const conf = readResumeConf(sourceText('test.conf', text), findings);
  return { conf, errors: findings.errors, notices: findings.notices };
}

function section(lines: string): string {
  return `[slurm_resume]\nregion = us-east-2\ncluster_name = demo\n${lines}\n`;
}

describe("the page's file", () => {
  test('is read as it stands on the page', () => {
    const { conf, errors } = read(fixture('wiki-2020.conf'));
    expect(errors).toEqual([]);
    expect(conf).toMatchObject({
      clusterName: { value: 'demo' },
      region: { value: 'us-east-2' },
      allOrNothingBatch: { value: true, position: { line: 13, column: 2 } },
      maxBatchSize: { value: 100, key: 'max_batch_size', position: { line: 14, column: 1 } },
    });
  });

  test('is read as it stands in the scenario of the page', () => {
    const { conf, errors } = read(fixture('wiki-2020-scheduled.conf'));
    expect(errors).toEqual([]);
    expect(conf.maxBatchSize?.value).toBe(50);
    expect(conf.allOrNothingBatch?.value).toBe(true);
  });

  test('warns of the back quotes and says what was meant', () => {
    const { notices } = read(fixture('wiki-2020.conf'));
    const [warning, ...others] = notices.filter((notice) => notice.severity === 'warning');
    expect(others).toEqual([]);
    expect(warning).toMatchObject({ file: 'test.conf', line: 13, column: 2 });
    expect(warning?.message).toContain('read as `all_or_nothing_batch = True`');
  });

  test('gets one note for all keys that do nothing yet, at the first of them', () => {
    const { notices } = read(fixture('wiki-2020.conf'));
    const notes = notices.filter((notice) => notice.severity === 'note');
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatchObject({ line: 6, column: 1 });
    expect(notes[0]?.message).toMatch(
      /: dynamodb_table, hosted_zone, dns_domain, use_private_hostname, master_private_ip, master_hostname$/,
    );
  });
});

describe('booleans are read in every spelling of configparser', () => {
  const spellings: Record<string, boolean | null> = {
    '1': true,
    yes: true,
    true: true,
    on: true,
    '0': false,
    no: false,
    false: false,
    off: false,
    YES: true,
    True: true,
    oN: true,
    FALSE: false,
    Off: false,
    '2': null,
    y: null,
    t: null,
    'True!': null,
  };
  test.each(Object.entries(spellings))('%s', (text, want) => {
    const { conf, errors } = read(section(`all_or_nothing_batch = ${text}`));
    expect(conf.allOrNothingBatch?.value ?? null).toBe(want);
    expect(errors).toHaveLength(want === null ? 1 : 0);
  });
});

describe('the grammar', () => {
  const same: Record<string, string> = {
    'an equals sign': 'max_batch_size=7',
    'a colon': 'max_batch_size : 7',
    'no blank after a colon': 'max_batch_size:7',
    'a key in capitals': 'MAX_Batch_Size = 7',
    'a plus sign': 'max_batch_size = +7',
    'a comment behind the value': 'max_batch_size = 7 # default: 500',
    'a comment behind a semicolon': 'max_batch_size = 7\t; default: 500',
    'white space at the end': 'max_batch_size = 7   ',
    'back quotes with a comment': '`max_batch_size = 7` ; as on the page',
    'back quotes alone': '`max_batch_size: 7`',
    'a line end of Windows': 'max_batch_size = 7\r',
  };
  test.each(Object.entries(same))('takes %s', (_, line) => {
    const { conf, errors } = read(section(line));
    expect(errors.map(formatProblem)).toEqual([]);
    expect(conf.maxBatchSize?.value).toBe(7);
  });

  test('leaves a comment sign inside a value alone', () => {
    const { errors } = read(section('max_batch_size = 7#1;2 # a comment'));
    expect(errors.map((error) => error.message)).toEqual(['`max_batch_size` cannot be `7#1;2`']);
  });

  test('takes a file that is indented as a whole', () => {
    const text = section('all_or_nothing_batch = True').replaceAll(/^(?=.)/gm, '    ');
    const { conf, errors } = read(text);
    expect(errors).toEqual([]);
    expect(conf.allOrNothingBatch).toMatchObject({ value: true, position: { line: 4, column: 5 } });
  });

  test('takes a last line without a newline', () => {
    const { conf, errors } = read(section('all_or_nothing_batch = True').trimEnd());
    expect(errors).toEqual([]);
    expect(conf.allOrNothingBatch?.value).toBe(true);
  });

  test('reports every line that is wrong', () => {
    const { errors } = read(
      section('colour = blue\nmax_batch_size = many\nall_or_nothing_batch = maybe'),
    );
    expect(errors.map((error) => error.line)).toEqual([4, 5, 6]);
  });
});

describe('keys', () => {
  test('every key that ParallelCluster documents is valid', () => {
    const { errors } = read(`[slurm_resume]
region = us-east-2
cluster_name = demo
dynamodb_table = t
head_node_private_ip = 10.0.0.1
head_node_hostname = ip-10-0-0-1
clustermgtd_heartbeat_file_path = /h
boto3_retry = 0
launch_max_batch_size = 500
assign_node_max_batch_size = 500
terminate_max_batch_size = 1000
update_node_address = True
scaling_strategy = greedy-all-or-nothing
job_level_scaling = True
hosted_zone = Z
dns_domain = d
use_private_hostname = False
run_instances_overrides = /a
create_fleet_overrides = /b
fleet_config_file = /c
clustermgtd_timeout = 300
proxy = NONE
logging_config = /d
instance_id = unknown
`);
    expect(errors.map(formatProblem)).toEqual([]);
  });

  test('a proxy of NONE is not worth a note, in any case', () => {
    expect(read(section('proxy = NONE')).notices).toEqual([]);
    expect(read(section('proxy = none')).notices).toEqual([]);
    expect(read(section('proxy = http://p:3128')).notices).toHaveLength(1);
  });

  test('a key given twice takes its last value, and the warning names both lines', () => {
    const { conf, errors, notices } = read(
      section(
        'all_or_nothing_batch = False\nupdate_node_address = no\nALL_OR_NOTHING_BATCH = True',
      ),
    );
    expect(errors).toEqual([]);
    expect(conf.allOrNothingBatch?.value).toBe(true);
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatchObject({ severity: 'warning', line: 6, column: 1 });
    expect(notices[0]?.message).toContain('`all_or_nothing_batch = False` (line 4)');
    expect(notices[0]?.message).toContain('`all_or_nothing_batch = True` (line 6)');
  });

  test('both spellings of a renamed key are one key, the last wins', () => {
    const { conf, notices } = read(section('max_batch_size = 4\nlaunch_max_batch_size = 8'));
    expect(conf.maxBatchSize).toMatchObject({ value: 8, key: 'launch_max_batch_size' });
    expect(notices.map((notice) => notice.severity)).toEqual(['warning']);
    const old = read(section('head_node_hostname = a\nmaster_hostname = b'));
    expect(old.notices.filter((notice) => notice.severity === 'warning')).toHaveLength(1);
  });

  test('a wrong earlier value is still an error, even where a later one wins', () => {
    const { errors } = read(section('max_batch_size = x\nmax_batch_size = 8'));
    expect(errors.map((error) => error.line)).toEqual([4]);
  });
});

describe('sections', () => {
  test('a section that begins again is read on, with a warning', () => {
    const { conf, errors, notices } = read(
      `${section('')}[slurm_suspend]\nclustermgtd_timeout = 3\n[slurm_resume]\nall_or_nothing_batch = True\n`,
    );
    expect(errors).toEqual([]);
    expect(conf.allOrNothingBatch?.value).toBe(true);
    expect(notices.map((notice) => [notice.severity, notice.line])).toEqual([
      ['note', 5],
      ['warning', 7],
    ]);
  });

  test('keys without a section are one error, not one each', () => {
    const { errors } = read('region = us-east-2\ncluster_name = demo\nproxy = NONE\n');
    expect(errors).toHaveLength(1);
  });
});
