import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseResumeFile, type ResumeJob } from './resume-file.ts';

function read(value: unknown) {
  return parseResumeFile(JSON.stringify(value));
}

describe('the three shapes', () => {
  const table = new Map<string, [unknown, ResumeJob]>([
    [
      '22.05: nodes alone',
      [
        { jobs: [{ job_id: 1, nodes: 'q-dy-c-[1-4]' }], all_nodes: 'q-dy-c-[1-4]' },
        { jobId: 1, nodesResume: 'q-dy-c-[1-4]', nodesAlloc: null, priority: null },
      ],
    ],
    [
      '23.02: what is to be resumed and what is allocated',
      [
        {
          all_nodes_resume: 'q-dy-c-[3-4]',
          jobs: [
            {
              job_id: 140814,
              extra: null,
              features: 'c1',
              nodes_alloc: 'q-dy-c-[1-4]',
              nodes_resume: 'q-dy-c-[3-4]',
              oversubscribe: 'OK',
              partition: 'q',
              reservation: null,
            },
          ],
        },
        { jobId: 140814, nodesResume: 'q-dy-c-[3-4]', nodesAlloc: 'q-dy-c-[1-4]', priority: null },
      ],
    ],
    [
      '26.05: with priority, and keys nobody knows yet',
      [
        {
          unheard_of: [],
          jobs: [
            {
              job_id: 3,
              nodes_alloc: 'a',
              nodes_resume: 'a',
              exclusive: 'user',
              priority: 4294901757,
              from_the_future: { a: 1 },
            },
          ],
        },
        { jobId: 3, nodesResume: 'a', nodesAlloc: 'a', priority: 4294901757 },
      ],
    ],
    [
      'a priority that is no number is none',
      [
        { jobs: [{ job_id: 0, nodes_resume: 'a', nodes_alloc: 7, priority: 'high' }] },
        { jobId: 0, nodesResume: 'a', nodesAlloc: null, priority: null },
      ],
    ],
  ]);
  for (const [name, [value, job]] of table) {
    test(name, () => {
      expect(read(value)).toEqual({ kind: 'read', jobs: [job], problems: [] });
    });
  }

  test('as slurmctld 22.05.8 wrote it', () => {
    const recorded = new URL('../../test/fixtures/resume-file-22.05.json', import.meta.url);
    expect(parseResumeFile(readFileSync(recorded, 'utf8'))).toMatchObject({
      jobs: [{ jobId: 1, nodesResume: 'queue1-dy-queue1-c6i32xlarge-[1-200]', nodesAlloc: null }],
      problems: [],
    });
  });

  test('no jobs at all', () => {
    expect(read({ jobs: [] })).toEqual({ kind: 'read', jobs: [], problems: [] });
  });
});

describe('an entry that cannot be used is left out and told', () => {
  const table = new Map<string, [unknown, string]>([
    ['no object', ['x', 'is not an object']],
    ['null', [null, 'is not an object']],
    ['a list', [[], 'is not an object']],
    ['no id', [{ nodes: 'a' }, 'has no job_id that is a whole number']],
    ['an id that is a text', [{ job_id: '1', nodes: 'a' }, 'has no job_id that is a whole number']],
    ['a broken id', [{ job_id: 1.5, nodes: 'a' }, 'has no job_id that is a whole number']],
    ['a negative id', [{ job_id: -1, nodes: 'a' }, 'has no job_id that is a whole number']],
    ['a job that is listed before', [{ job_id: 1, nodes: 'a' }, 'job 1 is in the list already']],
    ['no nodes', [{ job_id: 12 }, 'job 12 has neither nodes_resume nor nodes']],
    [
      'nodes that are null',
      [{ job_id: 12, nodes_resume: null }, 'job 12 has neither nodes_resume nor nodes'],
    ],
    [
      'nodes that are a list',
      [{ job_id: 12, nodes: ['a'] }, 'job 12 has neither nodes_resume nor nodes'],
    ],
  ]);
  for (const [name, [entry, problem]] of table) {
    test(name, () => {
      const good = { job_id: 1, nodes: 'b' };
      const file = read({ jobs: [good, entry] });
      expect(file).toMatchObject({
        kind: 'read',
        problems: [`SLURM_RESUME_FILE jobs[1]: ${problem}`],
      });
      expect(file.kind === 'read' && file.jobs.map(({ jobId }) => jobId)).toEqual([1]);
    });
  }
});

describe('a file that cannot be read at all says so', () => {
  const table = new Map<string, [string, string]>([
    ['empty', ['', 'is not whole JSON (0 characters']],
    ['truncated', ['{"jobs":[{"job_id":1', 'is not whole JSON (20 characters']],
    ['a list', ['[]', 'has no list "jobs"']],
    ['jobs that are an object', ['{"jobs":{}}', 'has no list "jobs"']],
    ['null', ['null', 'has no list "jobs"']],
  ]);
  for (const [name, [text, part]] of table) {
    test(name, () => {
      const file = parseResumeFile(text);
      expect(file.kind).toBe('unreadable');
      expect(file.kind === 'unreadable' && file.message).toContain(part);
    });
  }
});
