/** What people may want to hear of. */
export const EVENTS = ['change', 'look', 'refusal', 'failure', 'recovery', 'stale'] as const;

export type EventKind = (typeof EVENTS)[number];

/** What a webhook wants to be sent. */
export const WEBHOOK_FORMS = ['generic', 'slack', 'teams'] as const;

export type WebhookForm = (typeof WEBHOOK_FORMS)[number];
