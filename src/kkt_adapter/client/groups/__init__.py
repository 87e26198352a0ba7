"""Operations. In: arguments. Out: a call and its answer. Generated."""
