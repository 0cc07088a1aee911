DROP FUNCTION drop_monthly_partition(text, date);
