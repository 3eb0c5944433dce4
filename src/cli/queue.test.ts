import { expect, test } from 'vitest';
import { renderQueueStarted } from './queue.ts';

const start = { queue: 'q', wasProtected: true, fault: null, spool: '/spool/new/id' };

const rows: Record<string, { start: Parameters<typeof renderQueueStarted>[0]; want: RegExp }> = {
  'that was protected': { start, want: /^Queue q is started again: its partition goes up/ },
  'that was not': {
    start: { ...start, wasProtected: false },
    want: /was not protected: .* its partition is left as it is\.\n$/,
  },
  'of which no daemon has heard': {
    start: { ...start, wasProtected: null },
    want: /^No daemon has taken the request yet\. .*\/spool\/new\/id\n$/,
  },
  'that is none': {
    start: { ...start, wasProtected: null, fault: 'there is no queue "q" to start' },
    want: /^there is no queue "q" to start; nothing was done\n$/,
  },
};

test.each(Object.entries(rows))('the start of a queue %s', (_name, { start: said, want }) => {
  expect(renderQueueStarted(said, false)).toMatch(want);
  expect(JSON.parse(renderQueueStarted(said, true))).toEqual({
    queue: 'q',
    wasProtected: said.wasProtected,
    fault: said.fault,
  });
});
