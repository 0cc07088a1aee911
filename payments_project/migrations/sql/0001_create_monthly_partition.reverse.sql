DROP FUNCTION monthly_partitions_ahead(date);
DROP FUNCTION create_monthly_partition(text, date);
