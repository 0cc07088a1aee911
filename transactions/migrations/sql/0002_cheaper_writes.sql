-- Most payments make two moves: from nothing to pending, and from pending to succeeded. Both are in
-- status_transitions, so the trigger function would look them up only to let them pass.
DROP TRIGGER enforce_transaction_status ON transactions;
CREATE TRIGGER enforce_transaction_first_status AFTER INSERT ON transactions
    FOR EACH ROW WHEN (NEW.status <> 'pending')
    EXECUTE FUNCTION enforce_status_transition('transaction');
CREATE TRIGGER enforce_transaction_status AFTER UPDATE OF status ON transactions
    FOR EACH ROW WHEN (NOT (OLD.status = 'pending' AND NEW.status = 'succeeded'))
    EXECUTE FUNCTION enforce_status_transition('transaction');

DROP INDEX gateway_simulator_charges_gateway_id_8ebaeb00_like;
DROP INDEX gateway_simulator_refunds_gateway_id_191d3404_like;
