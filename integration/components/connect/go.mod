module vcnd.invalid/components/connect

go 1.26.8
