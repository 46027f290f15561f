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
SELECT order_id, template, channel, state, message_id FROM notifications;

-- name: mails
SELECT message_id FROM mails;

-- name: unsent
SELECT count(*) FROM outbox WHERE sent_ms IS NULL;
