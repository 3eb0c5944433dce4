import { expect, test } from 'vitest';
import { renderQueueStarted } from './queue.ts';

const start = {
  queue: 'q',
  wasProtected: true,
  fault: null,
  waitedMs: 5_000,
  spool: '/spool/new/id',
};

type Row = { start: Parameters<typeof renderQueueStarted>[0]; want: RegExp; taken?: false };

const rows: Record<string, Row> = {
  'that was protected': { start, want: /^Queue q is started again: its partition goes up/ },
  'that was not': {
    start: { ...start, wasProtected: false },
    want: /was not protected: .* its partition is left as it is\.\n$/,
  },
  'of which no daemon has heard': {
    start: { ...start, wasProtected: null },
    want: /^No daemon took the request within 5s: it waits in \/spool\/new\/id, .* take it back\.\n$/,
    taken: false,
  },
  'that is none': {
    start: { ...start, wasProtected: null, fault: 'there is no queue "q" to start' },
    want: /^there is no queue "q" to start; nothing was done\n$/,
  },
};

test.each(Object.entries(rows))(
  'the start of a queue %s',
  (_name, { start: said, want, taken = true }) => {
    expect(renderQueueStarted(said, false)).toMatch(want);
    expect(JSON.parse(renderQueueStarted(said, true))).toEqual({
      queue: 'q',
      taken,
      wasProtected: said.wasProtected,
      fault: said.fault,
      spool: '/spool/new/id',
    });
  },
);
