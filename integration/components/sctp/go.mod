module vcnd.invalid/components/sctp

go 1.26.8
