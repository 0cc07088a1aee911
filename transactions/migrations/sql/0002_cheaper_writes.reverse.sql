DROP TRIGGER enforce_transaction_first_status ON transactions;
DROP TRIGGER enforce_transaction_status ON transactions;
CREATE TRIGGER enforce_transaction_status AFTER INSERT OR UPDATE OF status ON transactions
    FOR EACH ROW EXECUTE FUNCTION enforce_status_transition('transaction');

CREATE INDEX gateway_simulator_charges_gateway_id_8ebaeb00_like
    ON gateway_simulator_charges (gateway_id varchar_pattern_ops);
CREATE INDEX gateway_simulator_refunds_gateway_id_191d3404_like
    ON gateway_simulator_refunds (gateway_id varchar_pattern_ops);
