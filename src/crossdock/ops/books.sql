-- What the audit reads, one statement per name.

-- name: orders
SELECT id, state, currency, total_minor, email, phone FROM orders;

-- name: steps
SELECT order_id, event, state FROM order_timeline;

-- name: payments
SELECT id, order_id, state FROM payments;

-- name: charges
SELECT charges.id, charges.reference, charges.amount, charges.currency, charges.status = 'succeeded', refunds.id IS NOT NULL
FROM charges LEFT JOIN refunds ON refunds.charge = charges.id;

-- name: notices
SELECT order_id, template, channel, state, message_id FROM notifications WHERE order_id IS NOT NULL;

-- name: mails
SELECT substr(message_id, 2, instr(message_id, '@') - 2) FROM mails WHERE message_id IS NOT NULL;

-- name: unsent
SELECT count(*) FROM outbox WHERE sent_ms IS NULL;
